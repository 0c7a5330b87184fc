"""The controller loop: ask the model, run the tools it asks for, and again, until it answers."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import events
from ._messages import Message, Refusal, Text, ToolCall, Usage
from ._provider import Delta, Request
from ._toolcalls import run_calls
from ._turn import Status, Turn, TurnResult
from .errors import KTError, LimitReached, ModelError, TruncatedStream, UsageError
from .events import TextDelta

if TYPE_CHECKING:
    from ._agent import Agent
    from ._bus import Bus

NOTHING = Usage()


async def run_turn(agent: "Agent", turn: Turn) -> TurnResult:
    """Ask the model, run the tools it asks for, and again, until it answers.

    Raises UsageError for another turn than the one that runs: hooks must pass that one on.
    """
    if turn is not agent.turn:
        raise UsageError("a plugin passed on another turn", hint="change turn.message or turn.limits in place")
    if calls := agent.open_calls():
        await take_up(agent, turn, calls)
    if turn.message is not None:
        agent.add(turn.message)
    if agent.log.lasting:
        await agent.log.durable()
    while True:
        turn.check()
        if agent.has_input:
            join_steering(agent)
        reply, text, calls = await ask_model(agent, turn)
        if calls:
            agent.add(await run_calls(agent, turn, calls))
        elif not (agent.has_input or turn.holds) or not await held_open(agent, turn):
            finish(turn, reply, text)
            return turn.result(Status.ok, session=agent.session)


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
        await asyncio.wait(turn.holds, return_when=asyncio.FIRST_COMPLETED)
        turn.holds = {hold for hold in turn.holds if not hold.done()}
    return True


async def ask_model(agent: "Agent", turn: Turn) -> tuple[Message, str, list[ToolCall]]:
    """Send the history to the model, through the hooks, and add its reply; return it, its text and its calls."""
    agent.asked += 1
    number, began = agent.asked, perf_counter()
    sink = turn.sink = Sink(agent.bus, number)
    turn.attempt = 0
    agent.record(events.LLMStarted(number, agent.model))
    request = Request(agent.history, agent.system, agent.tool_list, agent.settings, None, sink.emit)
    chain = agent.llm_chain
    reply = await (call_provider(agent, request) if chain is None else chain(request))
    if "".join(sink.draft) != (text := reply.text):
        sink.replace(text, turn.attempt + 1)
    if calls := reply.tool_calls:
        distinct_ids(turn, calls, number)
    reply.seconds = reply.seconds or perf_counter() - began
    turn.sink = None
    agent.add(reply)
    agent.record(events.LLMEnded(reply, reply.usage or NOTHING, number))
    return reply, text, calls


async def call_provider(agent: "Agent", request: Request) -> Message:
    """Stream one reply from the provider. Raises TruncatedStream where its end mark is missing."""
    turn = agent.turn
    assert turn is not None
    assert turn.sink is not None
    turn.turns += 1
    turn.attempt += 1
    if turn.attempt > 1:
        turn.sink.restart(turn.attempt)
    emit = request.emit if request.emit == turn.sink.emit else blaming(request.emit)
    stream: Any = None
    reply: Message | None = None
    try:
        stream = agent.provider.stream(request)
        async for item in stream:
            if item.__class__ is Message:
                reply = item
            else:
                emit(item)
    except BaseException as error:
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()
        if isinstance(error, KTError) or not isinstance(error, Exception) or hasattr(error, "kt_emit"):
            raise
        raise ModelError(f"{type(error).__name__}: {error}") from error
    if reply is None:
        raise TruncatedStream("the model's reply ended without its end mark", hint="try again")
    if reply.usage is not None:
        turn.usage.add(reply.usage)
    return reply


def blaming(emit: Callable[[Delta], None]) -> Callable[[Delta], None]:
    """Mark what a plugin's own emit raises, so that the provider is not blamed."""

    def step(delta: Delta) -> None:
        try:
            emit(delta)
        except Exception as error:
            error.kt_emit = True  # type: ignore[attr-defined]
            raise

    return step


def distinct_ids(turn: Turn, calls: list[ToolCall], number: int) -> None:
    """Give calls that came without an id, or with one that is in use, an id of their own."""
    seen: set[str] = set()
    for position, call in enumerate(calls):
        if not call.id or call.id in seen or call.id in turn.calls:
            taken = {c.id for c in calls} | turn.calls.keys()
            call.id = f"call_{number}_{position}"
            while call.id in taken:
                call.id += "x"
        seen.add(call.id)


class Sink:
    """Where the deltas of one reply end: the draft, and the bus."""

    __slots__ = ("_bus", "_number", "draft", "shown")

    def __init__(self, bus: "Bus", number: int) -> None:
        self._bus, self._number, self.shown = bus, number, 0
        self.draft: list[str] = []

    def emit(self, delta: Delta) -> None:
        """Take one delta: text, or a typed delta event; a complete call is for plugins that wrap this."""
        if delta.__class__ is str:
            draft = self.draft
            draft.append(delta)
            if listeners := self._bus.text:
                event = TextDelta(delta, self._number, len(draft))
                for listener in listeners:
                    try:
                        listener(event)
                    except Exception as error:
                        self._bus.failed(listener, error)
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

    def replace(self, text: str, attempt: int) -> None:
        """Make the deltas tell what the reply says, where a hook replaced it or the provider does not stream."""
        if self.draft:
            self.restart(attempt)
        if text:
            self.emit(text)


def finish(turn: Turn, reply: Message, text: str) -> None:
    """Take the reply as the answer, unless it is cut or refused."""
    turn.text = text
    if reply.finish == "length":
        raise LimitReached("the model's answer was cut at its own token limit", hint="raise max_tokens of the model")
    if reply.finish == "refusal":
        said = " ".join(p.text for p in reply.parts if isinstance(p, Refusal | Text))
        raise ModelError(f"the model refused: {said or reply.finish_raw or 'no reason given'}")
