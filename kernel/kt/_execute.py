"""Execute a turn: whatever happens in the loop becomes a typed result, and the history stays valid."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from . import errors, events
from ._controller import run_turn
from ._messages import Message, Text
from ._stream import Stream
from ._toolcalls import blamed
from ._turn import Status, Turn, TurnResult

if TYPE_CHECKING:
    from ._agent import Agent


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
                result = await run_turn(agent, turn) if chain is None else complete(agent, turn, await chain(turn))
        except asyncio.CancelledError:
            end(agent, turn, failed_result(agent, turn, errors.TurnCancelled("the turn was cancelled"), began))
            raise
        except Exception as error:
            result = failed_result(agent, turn, error, began)
        if agent.log.lasting:
            await make_durable(agent, turn, result)
        end(agent, turn, result)
        if agent.log.lasting:
            await make_durable(agent, turn, result)
        return result
    finally:
        for timer in turn.timers:
            timer.cancel()
        if began:
            agent.lock.release()
        agent.wake()


async def turn_events(agent: "Agent", turn: Turn, timeout: float | None) -> AsyncGenerator[events.Event, None]:
    """Yield the events of one turn, which starts with the iteration and is cancelled where that is left."""
    stream = Stream()
    turn.tap, items = stream.put, stream.items
    task = agent.spawn(execute(agent, turn, timeout=timeout), name=f"{agent.name} turn {turn.id}")
    task.add_done_callback(lambda _: stream.close())
    try:
        while await stream.more():
            while items:
                yield items.popleft()
    finally:
        turn.cancel()
        if not task.done():
            await asyncio.wait([task])


def start(agent: "Agent", turn: Turn) -> None:
    if agent.stopping or not agent.started:
        raise errors.TurnCancelled(f"agent {agent.name!r} is stopping")
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
    except Exception as error:
        broken = error if isinstance(error, errors.KTError) else errors.StoreError(f"the log failed: {error}")
        result.status, result.error = Status.failed, broken
    except asyncio.CancelledError:
        if agent.turn is turn:
            end(agent, turn, result)
        raise


def end(agent: "Agent", turn: Turn, result: TurnResult) -> None:
    if agent.turn is turn:
        agent.turn = None
    for state in turn.calls.values():
        state.call.state = None
    ended = events.TurnEnded(turn.id, result)
    agent.record(ended)
    if turn.off is not None:
        turn.off()
    elif turn.tap is not None:
        turn.tap(ended)


def complete(agent: "Agent", turn: Turn, made: TurnResult) -> TurnResult:
    """Fill in what a hook's own result left out, and close the calls it left open."""
    if made.status is not Status.waiting:
        agent.close_calls("not finished: the turn ended without it", turn.calls)
    real = turn.result(made.status, made.error)
    made.usage, made.tool_calls, made.turns, made.duration = real.usage, real.tool_calls, real.turns, real.duration
    made.output = real.output if made.output is None else made.output
    return made


def failed_result(agent: "Agent", turn: Turn, error: Exception, began: bool) -> TurnResult:
    """Return the result of a turn that `error` ended, with the history closed."""
    ended_by = typed(error)
    status = Status(ended_by.status)
    if began and status is Status.waiting:
        agent.parked = turn.calls
    elif began:
        agent.close_calls(f"not finished: the turn ended ({status})", turn.calls)
        if turn.sink is not None and turn.sink.draft:
            turn.text = "".join(turn.sink.draft)
            agent.add(Message("assistant", [Text(turn.text)], finish="aborted"))
    if status is Status.denied:
        agent.record(events.Refused("turn", str(error), blamed(error)))
    result = turn.result(status, ended_by, session=agent.session)
    if status is Status.waiting:
        result.pending = agent.questions.pending
    return result


def typed(error: Exception) -> errors.KTError:
    """Return the error as one of ours: a plugin's fault names the plugin, anything else is our bug."""
    if isinstance(error, errors.KTError):
        return error
    plugin, what = blamed(error), f"{type(error).__name__}: {error}"
    made: errors.KTError = errors.InternalError(what, hint="please report it")
    if plugin:
        made = errors.PluginError(what, where=f"in plugin {plugin}")
    made.__cause__ = error
    return made
