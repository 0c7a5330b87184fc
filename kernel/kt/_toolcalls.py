"""Run the tool calls of a reply: validated, through the chain, in parallel, with one result a call in call order."""

import asyncio
import dataclasses
import inspect
from collections.abc import Awaitable, Callable
from functools import cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._context import Context
from ._messages import Json, Message, PartBase, Text, ToolCall, ToolResult
from ._tool import Tool
from ._turn import CallState, ToolRecord, Turn
from .errors import ArgumentsError, KTError, TurnWaiting, Vetoed, nearest
from .events import Refused, ToolEnded, ToolStarted

if TYPE_CHECKING:
    from ._agent import Agent
    from ._hooks import Step

STRIKES = 3
CANCELLED = "cancelled before it finished; its outcome is unknown"
PLAIN = (str, int, float, list, dict, type(None))


async def run_calls(agent: "Agent", turn: Turn, calls: list[ToolCall]) -> Message:
    """Return the message with the results of `calls`. Raises ArgumentsError at the third invalid call in a row."""
    batch: list[CallState] = []
    for call in calls:
        state = turn.calls.get(call.id)
        if state is None:
            state = turn.calls[call.id] = prepare(agent, call)
        elif call is not state.call:
            call.arguments, call.state, state.call = state.call.arguments, state, call
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
        last = turn.calls[calls[-1].id].record
        raise ArgumentsError(f"the model sent {turn.strikes} invalid calls in a row: {last.error}")
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
    arguments = _json()[0](text or "{}", allow_inf_nan=False)
    if not isinstance(arguments, dict):
        raise ValueError("they must be a JSON object")
    return arguments


def failure(call: ToolCall, text: str) -> ToolResult:
    return ToolResult(call.id, [Text(text)], is_error=True, name=call.name)


async def run_batch(agent: "Agent", turn: Turn, batch: list[CallState]) -> None:
    """Run calls that may run together; sync tools without hooks need no tasks."""
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
    """Run one call to its result."""
    turn.go_on()
    began = perf_counter()
    try:
        chain = agent.tool_chain
        result = await (run_tool(agent, state.call) if chain is None else through_chain(agent, state.call, chain))
    except TurnWaiting as error:
        waiting.append(error)
    else:
        if result.call_id != state.call.id:
            result = dataclasses.replace(result, call_id=state.call.id, name=state.call.name)
        state.end(result, perf_counter() - began)


async def call_tool(agent: "Agent", call: ToolCall) -> ToolResult:
    """Run a call that is in no reply yet, through the hooks: validated, guarded and told like any other."""
    if (result := prepare(agent, call).result) is not None:
        return result
    return await through_chain(agent, call, agent.tool_chain or partial(run_tool, agent))


async def through_chain(agent: "Agent", call: ToolCall, chain: "Step") -> ToolResult:
    """Take a call through the hooks; a veto becomes an error result that the model reads."""
    try:
        result: ToolResult = await chain(call)
        return result
    except Vetoed as veto:
        agent.record(Refused(f"{call.name} {call.id}", str(veto), blamed(veto)))
        return failure(call, f"denied: {veto}")


def blamed(error: BaseException) -> str:
    """Return the plugin that raised an error, "" where none did."""
    return str(getattr(error, "kt_plugin", ""))


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
        agent.record(ToolEnded(call, failure(call, CANCELLED), perf_counter() - began))
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
            value = tool.function(*context, **bound)
        if not isinstance(value, PLAIN) and inspect.isawaitable(value):
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
    assert task is not None
    before = task.cancelling()
    try:
        return await work
    except asyncio.CancelledError:
        if task.cancelling() == before:
            raise RuntimeError("something that it awaited was cancelled") from None
        raise


def as_result(call: ToolCall, value: Any) -> ToolResult:
    """Return what a tool returned as a result: text, parts, a ToolResult, or data as JSON."""
    if isinstance(value, ToolResult):
        return dataclasses.replace(value, call_id=call.id, name=call.name)
    if value is None or isinstance(value, str):
        value = Text(value or "")
    parts: Any = [value] if isinstance(value, PartBase) else value
    if not (isinstance(parts, list) and parts and all(isinstance(p, PartBase) for p in parts)):
        parts = [Text(_json()[1](value, fallback=str, bytes_mode="base64").decode())]
    return ToolResult(call.id, parts, name=call.name)


@cache
def _json() -> tuple[Callable[..., Any], Callable[..., bytes]]:
    from pydantic_core import from_json, to_json

    return from_json, to_json
