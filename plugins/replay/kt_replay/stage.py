"""Where a replay is, and how what was cut off ends again: what model, tools and questions of the agent go by."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from kt import KTError, Request, errors
from kt.errors import ModelError
from kt.events import HistoryEdited, Refused, ToolStarted

from .calls import Calls, forever
from .compare import Findings, Talk
from .record import Data, Process, Step, Turn

if TYPE_CHECKING:
    from kt import Agent

FROM_OUTSIDE = ("cancelled", "timeout", "limit")
"""How a turn ends by a hand, a clock or a purse that no replay has: it ends there again, with the recorded error."""
PATIENCE = 2.0
"""Seconds to wait for what was recorded to happen too, where something else has changed."""
CODES = {
    c.code: c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, KTError) and c.code != "E-KT"
}


class Stage:
    """Hold one process of a record while it is played.

    `turn` and `step` are those that run, `absent` the recorded plugins that take no part, `given` the ids of the
    inputs that were brought in.
    """

    def __init__(self, process: Process, findings: Findings) -> None:
        self.process, self.findings = process, findings
        self.absent: set[str] = set()
        self.talk, self.calls = Talk(process.history), Calls(self)
        self.turn: Turn | None = None
        self.step: Step | None = None
        self.given: set[str] = set()
        self.model_calls = 0
        self._position, self._hung = 0, False
        self._moved = asyncio.Event()

    def attach(self, agent: "Agent") -> None:
        """Watch an agent, from before it starts."""
        self.agent = agent
        agent.bus.on(ToolStarted, self.calls.started)
        agent.bus.on(Refused, self.calls.refused)
        agent.bus.on(HistoryEdited, lambda event: self.talk.edited(event.start))

    def begin(self, turn: Turn) -> None:
        """Go on to a turn."""
        self.turn, self.step, self._position, self._hung = turn, None, 0, False
        self.findings.turn, self.findings.step = turn.number, 0
        self.given.clear()
        self.calls.begin()
        self.talk.apply(turn.before.changes)

    def keep(self, state: list[tuple[str, Any]]) -> None:
        """Keep what was kept, as something did that is not run."""
        for key, value in state:
            if value is None:
                self.agent.state.pop(key, None)
            else:
                self.agent.state[key] = value

    # Model calls

    def next_step(self) -> Step | None:
        """Go on to the turn's next model call; None where it had no more."""
        left = self.left
        self.step = left[0] if left else None
        self._position += 1
        self.findings.step = self._position
        if self.step is not None:
            self.talk.apply(self.step.before.changes)
        return self.step

    @property
    def done(self) -> list[Step]:
        """Return the model calls of the turn that were made."""
        return [] if self.turn is None else self.turn.steps[: self._position]

    @property
    def left(self) -> list[Step]:
        """Return the model calls of the turn that were not made yet."""
        return [] if self.turn is None else self.turn.steps[self._position :]

    @property
    def next_inputs(self) -> list[tuple[Data, str]]:
        """Return what joined the turn before its next model call, as (message, source)."""
        if self.turn is None or self._position >= len(self.turn.steps):
            return []
        return self.turn.steps[self._position].before.inputs

    def look(self, request: Request) -> None:
        """Compare a request, and the conversation it is made of, with what was recorded."""
        self.talk.compare(self.agent.history, self.findings)
        self.findings.request(request, self.agent.history)

    def answered(self, step: Step) -> None:
        """Note that a reply was given, so that its calls are known."""
        self.calls.known.update(step.calls)
        self.model_calls += 1

    # Ends

    async def beyond(self) -> NoReturn:
        """End a turn that asks the model once more than it did. Raises the error it ended with, or ModelError."""
        turn = self.turn
        assert turn is not None
        if turn.status is None:
            await self.hang()
        if turn.status in FROM_OUTSIDE:
            raise self.error()
        self.findings.add("model call", None, "the model is asked again")
        raise ModelError(f"the session has no more answers in turn {turn.number}")

    async def no_reply(self) -> NoReturn:
        """End as a model call did that brought no reply."""
        assert self.turn is not None
        if self.turn.status is None:
            await self.hang()
        raise self.error()

    async def no_answer(self) -> None:
        """End as a question did that nobody answered: with the process or the turn; else return, for a denial."""
        assert self.turn is not None
        if self.turn.status is None:
            await self.hang()
        elif self.turn.status in FROM_OUTSIDE:
            await self.cancel()

    def error(self) -> KTError:
        """Return the error that the turn ended with."""
        assert self.turn is not None
        data = self.turn.error or {}
        made = CODES.get(data.get("code", ""), KTError)(data.get("message", "the turn ended"))
        made.status = self.turn.status or made.status
        return made

    async def cancel(self) -> NoReturn:
        """Cancel the turn as it was, once the calls beside this one have their results."""
        assert self.agent.turn is not None
        await self._until(self.calls.caught_up)
        self.agent.turn.cancel(self.error())
        await forever()

    async def hang(self) -> NoReturn:
        """Stay where the process ended, until the agent is dropped."""
        self._hung = True
        self._moved.set()
        await forever()

    async def settled(self) -> None:
        """Wait until all has happened that had when the process ended."""
        while not self._hung:
            await self._move()
        await self._until(self.calls.caught_up)

    def moved(self) -> None:
        """Wake what waits for something to happen."""
        self._moved.set()

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    async def _until(self, done: Callable[[], bool]) -> None:
        """Wait for what was recorded; not for ever, for what has changed may keep it from happening."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not done():
                    await self._move()
