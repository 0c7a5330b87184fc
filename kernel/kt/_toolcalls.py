"""Run the tool calls of a reply: validated, through the chain, in parallel, with one result a call in call order."""

import asyncio
import dataclasses
import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._context import Context
from ._messages import Json, Message, PartBase, Text, ToolCall, ToolResult
from ._tool import Tool
from ._turn import CallState, ToolRecord, Turn
from .errors import ArgumentsError, KTError, TurnWaiting, Vetoed, nearest
from .events import Advice, Refused, ToolEnded, ToolStarted

if TYPE_CHECKING:
    from ._agent import Agent

STRIKES = 3
SLOW = 0.05


async def run_calls(agent: "Agent", turn: Turn, calls: list[ToolCall]) -> Message:
    """Return the message with the results of `calls`. Raises ArgumentsError at the third invalid call in a row."""
    batch: list[CallState] = []
    for call in calls:
        state = turn.calls.get(call.id)
        if state is None:
            state = turn.calls[call.id] = prepare(agent, call)
        elif call is not state.call:
            call.arguments, call.state, state.call = state.call.arguments, state, call
        state.claimed = True
        if state.result is not None:
            turn.strikes += state.bound is None
            continue
        turn.strikes = 0
        if agent.tools[call.name].parallel:
            batch.append(state)
        else:
            await run_batch(agent, turn, batch)
            await run_batch(agent, turn, [state])
            batch = []
    await run_batch(agent, turn, batch)
    results = [turn.calls[call.id].result for call in calls]
    if turn.strikes >= STRIKES:
        raise ArgumentsError(
            f"the model sent {turn.strikes} invalid calls in a row: {turn.calls[calls[-1].id].record.error}"
        )
    return Message("tool", results)  # type: ignore[arg-type]


def prepare(agent: "Agent", call: ToolCall) -> CallState:
    """Parse and validate a call's arguments; the state has an error result where they do not fit."""
    tool, problem, bound = agent.tools.get(call.name), "", None
    if tool is None:
        problem = f"there is no tool {call.name!r}; {nearest(call.name, agent.tools)}"
    else:
        try:
            if call.arguments is None:
                call.arguments = parse(call.args_text)
            bound = tool.bind(call.arguments)
        except (ValueError, TypeError) as error:
            from ._schema import complaints

            problem = f"invalid arguments: {complaints(error)}"
    shown = call.args_text if call.arguments is None else call.arguments
    state = CallState(call, ToolRecord(call.id, call.name, shown), bound)
    if problem:
        state.end(failure(call, problem))
    call.state = state
    return state


def parse(text: str) -> dict[str, Json]:
    """Return the arguments of a call from their text. Raises ValueError for what is no JSON object."""
    arguments = _from_json()(text or "{}", allow_inf_nan=False)
    if not isinstance(arguments, dict):
        raise ValueError("they must be a JSON object")
    return arguments


@cache
def _from_json() -> Callable[..., Any]:
    from pydantic_core import from_json

    return from_json


def cancelled(call: ToolCall, why: str = "cancelled before it finished; its outcome is unknown") -> ToolResult:
    """Return the result that stands in for a call that never gave one."""
    return failure(call, why)


def failure(call: ToolCall, text: str) -> ToolResult:
    return ToolResult(call.id, [Text(text)], is_error=True, name=call.name)


async def run_batch(agent: "Agent", turn: Turn, batch: list[CallState]) -> None:
    """Run calls that may run together; sync tools without hooks need no tasks."""
    if not batch:
        return
    waiting: list[TurnWaiting] = []
    if len(batch) == 1 or (agent.tool_chain is None and all(inline(agent.tools[s.call.name]) for s in batch)):
        for state in batch:
            await run_call(agent, turn, state, waiting)
    else:
        try:
            async with asyncio.TaskGroup() as group:
                for state in batch:
                    group.create_task(run_call(agent, turn, state, waiting))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
    if waiting:
        raise waiting[0]


def inline(tool: Tool) -> bool:
    return not (tool.is_async or tool.blocking)


async def run_call(agent: "Agent", turn: Turn, state: CallState, waiting: list[TurnWaiting]) -> None:
    """Run one call to its result, or join the one that started early."""
    turn.go_on()
    began = perf_counter()
    early = turn.early.pop(state.call.id, None) if turn.early else None
    try:
        if early is not None:
            result = await join(early)
        elif agent.tool_chain is None:
            result = await run_tool(agent, state.call)
        else:
            result = await through_chain(agent, state.call)
    except TurnWaiting as error:
        waiting.append(error)
    else:
        if result.call_id != state.call.id:
            result = dataclasses.replace(result, call_id=state.call.id, name=state.call.name)
        state.end(result, perf_counter() - began)


async def join(task: "asyncio.Task[ToolResult]") -> ToolResult:
    try:
        return await task
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise


async def through_chain(agent: "Agent", call: ToolCall) -> ToolResult:
    """Take a call through the hooks; a veto becomes an error result that the model reads."""
    chain = agent.tool_chain
    try:
        return await (run_tool(agent, call) if chain is None else chain(call))
    except Vetoed as veto:
        agent.record(Refused(f"{call.name} {call.id}", str(veto), blamed(veto)))
        return failure(call, f"denied: {veto}")


def blamed(error: BaseException) -> str:
    """Return the plugin that raised an error, "" where none did."""
    return str(getattr(error, "kt_plugin", ""))


def start_early(agent: "Agent", turn: Turn, call: ToolCall) -> None:
    """Start a call while the reply still streams, if running it for nothing does no harm and nothing before it acts."""
    tool = agent.tools.get(call.name)
    if tool is None or tool.effect != "read" or not tool.parallel:
        turn.acting = True
    if turn.acting or not call.id or call.id in turn.calls:
        return
    state = prepare(agent, call)
    if state.result is None:
        turn.calls[call.id] = state
        # What it raises is told where its result is taken; nobody misses that of a call that was dropped.
        work = through_chain(agent, call)
        turn.early[call.id] = agent.host.spawn(work, name=f"early {call.name}", failed=lambda error: None)


def cancel_early(turn: Turn, *, keep: Sequence[ToolCall] = ()) -> None:
    """Drop early calls that the final reply does not contain as they were."""
    kept = {(c.id, c.name, c.args_text) for c in keep}
    for id, task in list(turn.early.items()):
        call = turn.calls[id].call
        if (id, call.name, call.args_text) not in kept:
            task.cancel()
            turn.dropped.append(task)
            del turn.early[id], turn.calls[id]


async def run_tool(agent: "Agent", call: ToolCall) -> ToolResult:
    """Journal the call and run its tool: the end of the chain, past every guard."""
    tool = agent.tools.get(call.name)
    if tool is None:
        return failure(call, f"there is no tool {call.name!r}")
    state = begin_attempt(call, tool)
    bound = state.bound
    if call is not state.call or bound is None:
        try:
            bound = tool.bind(call.arguments or {})
        except ValueError as error:
            return failure(call, f"a plugin made the arguments invalid: {error}")
    agent.record(ToolStarted(call, tool.effect, state.attempts))
    if agent.log.lasting:
        await agent.log.durable()
    began = perf_counter()
    try:
        result = await perform(agent, tool, call, bound)
    except asyncio.CancelledError:
        agent.record(ToolEnded(call, cancelled(call), perf_counter() - began))
        raise
    agent.record(ToolEnded(call, result, perf_counter() - began))
    if agent.log.lasting:
        await agent.log.durable()
    return result


def begin_attempt(call: ToolCall, tool: Tool) -> CallState:
    """Count the starts of a call. Raises KTError where a `once` tool would start twice, or a plugin made it up."""
    state: CallState | None = call.state
    if state is None or state.call.id != call.id:
        raise KTError(
            f"a plugin made up the call {call.name!r} ({call.id})", hint="change calls with dataclasses.replace"
        )
    if state.attempts and tool.effect == "once":
        raise KTError(f"{call.name!r} ({call.id}) may run once and already started", hint="do not retry effect 'once'")
    state.attempts += 1
    return state


async def perform(agent: "Agent", tool: Tool, call: ToolCall, bound: dict[str, Any]) -> ToolResult:
    """Call the function; whatever it raises is an error result."""
    context: tuple[Any, ...] = (Context(agent, call),) if tool.takes_context else ()
    try:
        if tool.is_async:
            value = await own_cancellation(tool.function(*context, **bound))
        elif tool.blocking:
            from anyio import to_thread

            value = await to_thread.run_sync(lambda: tool.function(*context, **bound), abandon_on_cancel=True)
        else:
            began = perf_counter()
            value = tool.function(*context, **bound)
            if (took := perf_counter() - began) > SLOW and not tool.advised:
                tool.advised = True
                text = f"tool {tool.name!r} blocked the loop for {took * 1000:.0f} ms: use @tool(blocking=True)"
                agent.bus.publish(Advice(text))
        if inspect.isawaitable(value):
            value = await value
        return as_result(call, value)
    except TurnWaiting:
        raise
    except Vetoed as veto:
        agent.record(Refused(f"{call.name} {call.id}", str(veto)))
        return failure(call, f"denied: {veto}")
    except KTError as error:
        return failure(call, str(error) + (f" ({error.hint})" if error.hint else ""))
    except Exception as error:
        return failure(call, f"{type(error).__name__}: {error}")


async def own_cancellation(work: Awaitable[Any]) -> Any:
    """Await a tool; a CancelledError that it lets out, while nobody cancels the call, is its failure."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        return await work
    except asyncio.CancelledError:
        if task is not None and task.cancelling() == before:
            raise RuntimeError("something that it awaited was cancelled") from None
        raise


def as_result(call: ToolCall, value: object) -> ToolResult:
    """Return what a tool returned as a result: text, parts, a ToolResult, or data as JSON."""
    if isinstance(value, str):
        return ToolResult(call.id, [Text(value)], name=call.name)
    if value is None:
        return ToolResult(call.id, [Text("")], name=call.name)
    if isinstance(value, ToolResult):
        return dataclasses.replace(value, call_id=call.id, name=call.name)
    if isinstance(value, PartBase):
        return ToolResult(call.id, [value], name=call.name)  # type: ignore[list-item]
    if isinstance(value, list) and value and all(isinstance(v, PartBase) for v in value):
        return ToolResult(call.id, value, name=call.name)
    from pydantic_core import to_jsonable_python

    data = to_jsonable_python(value, fallback=str, bytes_mode="base64")
    return ToolResult(call.id, [Text(json.dumps(data, ensure_ascii=False))], name=call.name)
