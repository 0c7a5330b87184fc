"""The controller: one turn, from its input to its typed result."""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from . import events
from ._messages import Message, Text, ToolCall, Usage
from ._provider import Delta, Request
from ._toolcalls import cancel_early, run_calls, start_early
from ._turn import Status, Turn, TurnResult
from .errors import (
    InternalError,
    KTError,
    LimitReached,
    ModelError,
    PluginError,
    TruncatedStream,
    TurnCancelled,
    TurnTimeout,
    TurnWaiting,
    Vetoed,
)

if TYPE_CHECKING:
    from ._agent import Agent

NOTHING = Usage()


async def run_turn(agent: "Agent", turn: Turn) -> TurnResult:
    """Ask the model, run the tools it asks for, and again, until it answers."""
    if calls := agent.open_calls():
        await take_up(agent, turn, calls)
    if turn.message is not None:
        agent.add(turn.message)
    if agent.log.lasting:
        await agent.log.durable()
    while True:
        if agent.has_input:
            join_steering(agent)
        turn.check()
        reply, calls = await ask_model(agent, turn)
        if calls:
            agent.add(await run_calls(agent, turn, calls))
        elif not await held_open(agent, turn):
            finish(turn, reply)
            return TurnResult(Status.ok, turn.text)


async def take_up(agent: "Agent", turn: Turn, calls: list[ToolCall]) -> None:
    """Run the calls that waited for an answer, or close them where the user goes on without one."""
    parked, agent.parked = agent.parked, {}
    if turn.message is not None:
        agent.close_calls("the user went on without an answer", parked)
    else:
        turn.calls = {id: state for id, state in parked.items() if state.result is not None}
        agent.add(await run_calls(agent, turn, calls))


def join_steering(agent: "Agent") -> None:
    for pending in agent.inbox.steering():
        agent.add(pending.message)
        agent.record(events.InputAccepted(pending.message, pending.source))


async def held_open(agent: "Agent", turn: Turn) -> bool:
    """Tell whether the turn goes on: steering is there, or what this `run()` waits for has brought some."""
    while not (agent.has_input and any(p.steer for p in agent.inbox.items)):
        if not (turn.waits and turn.holds):
            return False
        _, turn.holds = await asyncio.wait(turn.holds, return_when=asyncio.FIRST_COMPLETED)
    return True


async def ask_model(agent: "Agent", turn: Turn) -> tuple[Message, list[ToolCall]]:
    """Send the history to the model, through the hooks, and add its reply; return it with the calls it makes."""
    agent.asked += 1
    number, began = agent.asked, perf_counter()
    sink = turn.sink = Sink(agent, turn, number)
    turn.attempt = 0
    agent.record(events.LLMStarted(number, agent.model))
    request = Request(agent.history, agent.system, agent.tool_list, agent.settings, None, sink.emit)
    chain = agent.llm_chain
    reply = await (call_provider(agent, request) if chain is None else chain(request))
    if "".join(sink.draft) != (text := reply.text):
        show_what_was_not(agent, turn, sink, text)
    if calls := reply.tool_calls:
        distinct_ids(turn, calls, number)
    if turn.early:
        cancel_early(turn, keep=calls)
    reply.seconds = reply.seconds or perf_counter() - began
    turn.sink = None
    agent.add(reply)
    agent.record(events.LLMEnded(reply, reply.usage or NOTHING, number))
    return reply, calls


async def call_provider(agent: "Agent", request: Request) -> Message:
    """Stream one reply from the provider. Raises TruncatedStream where its end mark is missing."""
    turn = agent.turn
    assert turn is not None
    assert turn.sink is not None
    turn.turns += 1
    turn.attempt += 1
    if turn.attempt > 1:
        turn.sink.restart(turn.attempt)
        cancel_early(turn)
    emit = request.emit
    stream = agent.provider.stream(request)
    reply: Message | None = None
    try:
        async for item in stream:
            if item.__class__ is Message:
                reply = item
            else:
                emit(item)  # type: ignore[arg-type]
    except BaseException as error:
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()
        if isinstance(error, KTError) or not isinstance(error, Exception):
            raise
        raise ModelError(f"{type(error).__name__}: {error}") from error
    if reply is None:
        raise TruncatedStream("the model's reply ended without its end mark", hint="try again")
    if reply.usage is not None:
        turn.usage.add(reply.usage)
    return reply


def distinct_ids(turn: Turn, calls: list[ToolCall], number: int) -> None:
    """Give calls that came without an id, or with one that is in use, an id of their own."""
    seen: set[str] = set()
    for position, call in enumerate(calls):
        if not call.id or call.id in seen or (call.id in turn.calls and call.id not in turn.early):
            call.id = f"call_{number}_{position}"
        seen.add(call.id)


class Sink:
    """Where the deltas of one reply end: the draft, the bus, and calls that may start early."""

    __slots__ = ("_agent", "_bus", "_number", "_turn", "draft", "shown")

    def __init__(self, agent: "Agent", turn: Turn, number: int) -> None:
        self._agent, self._turn, self._number = agent, turn, number
        self._bus = agent.bus
        self.draft: list[str] = []
        self.shown = 0

    def emit(self, delta: Delta) -> None:
        """Take one delta: text, a typed delta event, or a complete tool call."""
        if delta.__class__ is str:
            draft = self.draft
            draft.append(delta)
            if listeners := self._bus.text:
                event = events.TextDelta(delta, self._number, len(draft))
                for listener in listeners:
                    try:
                        listener(event)
                    except Exception as error:
                        self._bus.failed(listener, error)
        elif isinstance(delta, ToolCall):
            start_early(self._agent, self._turn, delta)
        elif isinstance(delta, events.Event):
            if hasattr(delta, "index"):
                self.shown += 1
                delta.message, delta.index = self._number, self.shown  # type: ignore[attr-defined]
            self._bus.publish(delta)

    def restart(self, attempt: int) -> None:
        """Forget what was shown, and say so."""
        if self.draft or self.shown:
            self._bus.publish(events.LLMRestarted(self._number, attempt))
        self.draft, self.shown = [], 0


def show_what_was_not(agent: "Agent", turn: Turn, sink: Sink, text: str) -> None:
    """Make the deltas tell what the reply says, where a hook replaced it or the provider does not stream."""
    if sink.draft:
        sink.restart(turn.attempt + 1)
    if text:
        sink.emit(text)


def finish(turn: Turn, reply: Message) -> None:
    """Take the reply as the answer, unless it is cut or refused."""
    turn.text = reply.text
    if reply.finish == "length":
        raise LimitReached("the model's answer was cut at its own token limit", hint="raise max_tokens of the model")
    if reply.finish == "refusal":
        raise ModelError(f"the model refused: {reply.text or reply.finish_raw or 'no reason given'}")


async def execute(agent: "Agent", turn: Turn, *, timeout: float | None = None) -> TurnResult:
    """Run a turn when the agent is free; every way to end becomes a typed result, and the history stays valid.

    A cancellation from outside closes the turn and passes on. `timeout` (seconds) counts the wait as well.
    """
    began = False
    try:
        try:
            with turn:
                if timeout is not None:
                    turn.bound(timeout, "the turn took longer than its timeout of")
                await agent.lock.acquire()
                began = True
                start(agent, turn)
                chain = agent.turn_chain
                result = await (run_turn(agent, turn) if chain is None else chain(turn))
                complete(agent, turn, result)
        except asyncio.CancelledError:
            end(agent, turn, failed_result(agent, turn, TurnCancelled("the turn was cancelled"), began))
            raise
        except Exception as error:
            result = failed_result(agent, turn, error, began)
        if agent.log.lasting:
            await make_durable(agent, turn, result)
        end(agent, turn, result)
        return result
    finally:
        if turn.timers:
            turn.unbound()
        if began:
            agent.lock.release()
        if agent.has_input:
            agent.wake()


def start(agent: "Agent", turn: Turn) -> None:
    if agent.stopping:
        raise TurnCancelled(f"agent {agent.name!r} is stopping")
    turn.check()
    if turn.tap is not None:
        turn.off = agent.bus.on(events.Event, turn.tap)
    if (limit := turn.limits.time_limit) is not None:
        turn.bound(limit, "the turn reached its time limit of")
    agent.turn = turn
    agent.record(events.TurnStarted(turn.id, turn.message, turn.source))


async def make_durable(agent: "Agent", turn: Turn, result: TurnResult) -> None:
    """Make what the turn recorded durable; a store that can't is the turn's failure."""
    try:
        await agent.log.durable()
    except KTError as error:
        result.status, result.error = Status.failed, error
    except asyncio.CancelledError:
        end(agent, turn, result)
        raise


def end(agent: "Agent", turn: Turn, result: TurnResult) -> None:
    if turn.early:
        cancel_early(turn)
    if agent.turn is turn:
        agent.turn = None
    if turn.calls:
        for state in turn.calls.values():
            state.call.state = None
    agent.record(events.TurnEnded(turn.id, result))
    if turn.off is not None:
        turn.off()


def complete(agent: "Agent", turn: Turn, result: TurnResult) -> None:
    """Fill in what a hook's own result left out."""
    result.usage, result.turns = turn.usage, turn.turns
    if turn.calls:
        result.tool_calls = [state.record for state in turn.calls.values() if state.claimed]
    result.output = turn.output if result.output is None else result.output
    result.duration = perf_counter() - turn.started
    result.session = agent.session


STATUS: tuple[tuple[type[BaseException], Status], ...] = (
    (TurnTimeout, Status.timeout),
    (TurnCancelled, Status.cancelled),
    (LimitReached, Status.limit),
    (TurnWaiting, Status.waiting),
    (Vetoed, Status.denied),
)


def failed_result(agent: "Agent", turn: Turn, error: Exception, began: bool) -> TurnResult:
    """Return the result of a turn that `error` ended, with the history closed."""
    status = next((s for kind, s in STATUS if isinstance(error, kind)), Status.failed)
    if began and status is Status.waiting:
        agent.parked = turn.calls
    elif began:
        agent.close_calls(f"not finished: the turn ended ({status})", turn.calls)
        if turn.sink is not None and turn.sink.draft:
            turn.text = "".join(turn.sink.draft)
            agent.add(Message("assistant", [Text(turn.text)], finish="aborted"))
    if status is Status.denied:
        agent.record(events.Refused("turn", str(error)))
    result = TurnResult(status, turn.text, error=typed(error))
    complete(agent, turn, result)
    if status is Status.waiting:
        result.pending = agent.questions.pending
    return result


def typed(error: Exception) -> KTError:
    """Return the error as one of ours: a plugin's fault names the plugin, anything else is our bug."""
    if isinstance(error, KTError):
        return error
    notes = getattr(error, "__notes__", [])
    what = f"{type(error).__name__}: {error}"
    made: KTError = PluginError(what, where="; ".join(notes)) if notes else InternalError(what, hint="please report it")
    made.__cause__ = error
    return made
