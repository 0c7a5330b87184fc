"""The controller: one turn, from its input to its typed result."""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from . import events
from ._messages import Message, Text, ToolCall, Usage
from ._provider import Delta, Request
from ._toolcalls import cancel_early, run_calls, start_early
from ._turn import TURN, Status, Turn, TurnResult
from .errors import InternalError, KTError, LimitReached, ModelError, PluginError, TruncatedStream
from .errors import TurnCancelled, TurnTimeout, TurnWaiting, Vetoed

if TYPE_CHECKING:
    from ._agent import Agent

NOTHING = Usage()


async def run_turn(agent: "Agent", turn: Turn) -> TurnResult:
    """Ask the model, run the tools it asks for, and again, until it answers."""
    await begin(agent, turn)
    while True:
        join_steering(agent, turn)
        turn.check()
        reply, calls = await ask_model(agent, turn)
        if calls:
            agent.add(await run_calls(agent, turn, calls))
        elif not await held_open(agent, turn):
            finish(turn, reply)
            return result_of(agent, turn, Status.ok)


async def begin(agent: "Agent", turn: Turn) -> None:
    """Take the turn's input; without one, run the calls that waited for an answer."""
    if calls := agent.open_calls():
        parked, agent.parked = agent.parked, {}
        if turn.message is None:
            turn.calls = {state.call.id: state for state in parked.values() if state.result is not None}
            agent.add(await run_calls(agent, turn, calls))
        else:
            agent.close_calls("the user went on without an answer", parked)
    if turn.message is not None:
        agent.add(turn.message)
    if agent.log.lasting:
        await agent.log.durable()


def join_steering(agent: "Agent", turn: Turn) -> None:
    if agent.has_input:
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
    turn.draft, turn.shown, turn.attempt = [], False, 0
    agent.record(events.LLMStarted(number, agent.model))
    request = Request(agent.history, agent.system, agent.tool_list, agent.settings, None, Sink(agent, turn, number).emit)
    chain = agent.llm_chain
    reply = await (call_provider(agent, request) if chain is None else chain(request))
    show_what_was_not(agent, turn, reply, number)
    if calls := reply.tool_calls:
        distinct_ids(turn, calls, number)
    if turn.early:
        cancel_early(turn, keep=calls)
    reply.seconds = reply.seconds or perf_counter() - began
    turn.draft = []
    agent.add(reply)
    agent.record(events.LLMEnded(reply, reply.usage or NOTHING, number))
    return reply, calls


async def call_provider(agent: "Agent", request: Request) -> Message:
    """Stream one reply from the provider. Raises TruncatedStream where its end mark is missing."""
    turn = agent.turn
    assert turn is not None
    turn.turns += 1
    turn.attempt += 1
    if turn.attempt > 1:
        if turn.shown or turn.draft:
            agent.bus.publish(events.LLMRestarted(agent.asked, turn.attempt))
        turn.draft, turn.shown = [], False
        cancel_early(turn)
    emit = request.emit
    stream = agent.provider.stream(request)
    reply: Message | None = None
    try:
        async for item in stream:
            if item.__class__ is Message:
                reply = item  # type: ignore[assignment]
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
    """Give calls that came without an id, or with one used before in this turn, an id of their own."""
    seen: set[str] = set()
    for position, call in enumerate(calls):
        if not call.id or call.id in seen or call.id in turn.calls and call.id not in turn.early:
            call.id = f"call_{number}_{position}"
        seen.add(call.id)


class Sink:
    """Where the deltas of one reply end: the draft, the bus, and calls that may start early."""

    __slots__ = ("_agent", "_index", "_number", "_slot", "_turn")

    def __init__(self, agent: "Agent", turn: Turn, number: int) -> None:
        self._agent, self._turn, self._number, self._index = agent, turn, number, 0
        self._slot = agent.bus.slot(events.TextDelta)

    def emit(self, delta: Delta) -> None:
        """Take one delta: text, a typed delta event, or a complete tool call."""
        if delta.__class__ is str:
            self._turn.draft.append(delta)  # type: ignore[arg-type]
            if listeners := self._slot.listeners:
                self._index += 1
                event = events.TextDelta(delta, self._number, self._index)  # type: ignore[arg-type]
                for listener in listeners:
                    try:
                        listener(event)
                    except Exception as error:
                        self._agent.bus.failed(listener, error)
        elif isinstance(delta, ToolCall):
            start_early(self._agent, self._turn, delta)
        elif isinstance(delta, events.Event):
            if hasattr(delta, "index"):
                self._index += 1
                self._turn.shown = True
                delta.message, delta.index = self._number, self._index  # type: ignore[attr-defined]
            self._agent.bus.publish(delta)


def show_what_was_not(agent: "Agent", turn: Turn, reply: Message, number: int) -> None:
    """Make the deltas tell what the reply says, where a hook replaced it or the provider does not stream."""
    text = reply.text
    if "".join(turn.draft) == text:
        return
    if turn.draft:
        agent.bus.publish(events.LLMRestarted(number, turn.attempt + 1))
    if text and agent.bus.wants(events.TextDelta):
        agent.bus.publish(events.TextDelta(text, number, 1))


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
    began, outer = False, TURN.get()
    try:
        try:
            with turn:
                turn.bound(timeout, "the turn took longer than its timeout of")
                await agent.lock.acquire()
                began = True
                result = await started(agent, turn)
        except asyncio.CancelledError:
            end(agent, turn, failed_result(agent, turn, TurnCancelled("the turn was cancelled"), began))
            raise
        except Exception as error:
            result = failed_result(agent, turn, error, began)
        await ended(agent, turn, result)
        return result
    finally:
        TURN.set(outer)
        turn.unbound()
        if began:
            agent.lock.release()


async def started(agent: "Agent", turn: Turn) -> TurnResult:
    if agent.stopping:
        raise TurnCancelled(f"agent {agent.name!r} is stopping")
    turn.check()
    if turn.tap is not None:
        turn.off = agent.bus.on(events.Event, turn.tap)
    turn.bound(turn.limits.time_limit, "the turn reached its time limit of")
    agent.turn = turn
    TURN.set(turn)
    agent.record(events.TurnStarted(turn.id, turn.message, turn.source))
    chain = agent.turn_chain
    result = await (run_turn(agent, turn) if chain is None else chain(turn))
    complete(agent, turn, result)
    return result


async def ended(agent: "Agent", turn: Turn, result: TurnResult) -> None:
    """Make the end durable and tell it; a store that can't is the turn's failure."""
    try:
        if agent.log.lasting:
            await agent.log.durable()
    except KTError as error:
        result.status, result.error = Status.failed, error
    finally:
        end(agent, turn, result)


def end(agent: "Agent", turn: Turn, result: TurnResult) -> None:
    if turn.early:
        cancel_early(turn)
    if agent.turn is turn:
        agent.turn = None
    agent.record(events.TurnEnded(turn.id, result))
    if turn.off is not None:
        turn.off()
    if agent.has_input:
        agent.wake()


def complete(agent: "Agent", turn: Turn, result: TurnResult) -> None:
    """Fill in what a hook's own result left out."""
    result.usage, result.tool_calls, result.turns = turn.usage, [state.record for state in turn.calls.values() if state.claimed], turn.turns
    result.output = turn.output if result.output is None else result.output
    result.duration = perf_counter() - turn.started
    result.session = agent.session


def result_of(agent: "Agent", turn: Turn, status: Status, error: KTError | None = None) -> TurnResult:
    result = TurnResult(status, turn.text, error=error)
    complete(agent, turn, result)
    return result


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
        if turn.draft:
            turn.text = "".join(turn.draft)
            agent.add(Message("assistant", [Text(turn.text)], finish="aborted"))
    if status is Status.denied:
        agent.record(events.Refused("turn", str(error)))
    result = result_of(agent, turn, status, typed(error))
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
