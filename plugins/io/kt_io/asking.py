"""Give an agent input, and hear how the turn ends that takes it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from kt import Agent, KTError, Status, TurnResult
from kt.errors import TurnCancelled
from kt.events import AgentStarted, InputQueued, TurnEnded, TurnStarted


class Closed(KTError):
    """Say that the agent stops and takes no more input."""

    code = "E-CLOSED"


class Asked:
    """One input on its way through an agent: `answer` is the result of the turn that took it.

    `turn` is the number of that turn, 0 until it starts. `lost` says that the answer is none: the input was withdrawn,
    or the agent stopped before the turn had ended.
    """

    __slots__ = ("answer", "lost", "pending", "turn")

    def __init__(self, agent: Agent, text: str, *, source: str, origin: str) -> None:
        self.pending = agent.send(text, source=source, origin=origin)
        self.answer: asyncio.Future[TurnResult] = asyncio.get_running_loop().create_future()
        self.turn = 0
        self.lost = False

    def end(self, result: TurnResult, *, lost: bool = False) -> None:
        """Hand over the result, to whoever still waits for it."""
        self.lost = lost
        if not self.answer.done():
            self.answer.set_result(result)


class Desk:
    """Take the input of one source to an agent; `started` is set when the agent serves it."""

    def __init__(self, agent: Agent, source: str) -> None:
        self.started = asyncio.Event()
        self._agent, self._source = agent, source
        self._open: list[Asked] = []
        self._closed = False
        bus = agent.bus
        self._offs = [
            bus.on(AgentStarted, lambda _: self.started.set()),
            bus.on(InputQueued, self._queued),
            bus.on(TurnStarted, self._turn_started),
            bus.on(TurnEnded, self._turn_ended),
        ]

    def ask(self, text: str, *, origin: str = "") -> Asked:
        """Send text to the agent. Raises Closed where it stops."""
        if self._closed or self._agent.stopping:
            raise Closed(f"agent {self._agent.name!r} is stopping")
        asked = Asked(self._agent, text, source=self._source, origin=origin)
        self._open.append(asked)
        return asked

    def close(self) -> None:
        """Take back what waits, and tell everybody who waits for an answer that none will come."""
        self._closed = True
        for asked in list(self._open):
            self._lose(asked, f"agent {self._agent.name!r} is stopping")
            if not asked.pending.taken:
                asked.pending.withdraw()
        for off in self._offs:
            off()

    def _queued(self, event: InputQueued) -> None:
        if event.withdrawn:
            for asked in [a for a in self._open if a.pending.id == event.id]:
                self._lose(asked, "the input was withdrawn")

    def _turn_started(self, event: TurnStarted) -> None:
        # The turn's own message, not the event's: a plugin may have put a clean copy into that one.
        taken = self._agent.turn.message if self._agent.turn is not None else None
        for asked in self._open:
            if asked.turn == 0 and asked.pending.message is taken:
                asked.turn = event.turn

    def _turn_ended(self, event: TurnEnded) -> None:
        ended = [asked for asked in self._open if asked.turn == event.turn]
        if not ended and self._agent.turn is None:
            # A turn that is refused before it starts says only that it has ended, right after it took its input.
            ended = [asked for asked in self._open if asked.turn == 0 and asked.pending.taken][:1]
        stopped = self._agent.stopping and event.result.status is Status.cancelled
        for asked in ended:
            self._open.remove(asked)
            asked.end(event.result, lost=stopped)

    def _lose(self, asked: Asked, why: str) -> None:
        if asked in self._open:
            self._open.remove(asked)
        asked.end(TurnResult(Status.cancelled, error=TurnCancelled(why)), lost=True)


@contextmanager
def open_desk(agent: Agent, source: str) -> Iterator[Desk]:
    """Yield a Desk, closed at the end."""
    desk = Desk(agent, source)
    try:
        yield desk
    finally:
        desk.close()
