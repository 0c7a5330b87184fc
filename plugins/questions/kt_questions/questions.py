"""Questions to the user: asked by tools and guards, answered by whichever surface is first."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kt.errors import NotFound, TurnWaiting, nearest
from kt.events import Logged, QuestionAsked, TurnEnded

if TYPE_CHECKING:
    from kt import Agent


@dataclass(slots=True)
class QuestionAnswered(Logged):
    """Somebody answered; `by` says which surface."""

    id: str
    answer: str
    by: str = ""


class AgentQuestions:
    """Hold the open questions of one agent; the protocol `kt.Questions` says what each part does."""

    __slots__ = ("_agent", "_answers", "_asked", "_open", "_past", "surfaces", "wait")

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._open: dict[str, tuple[QuestionAsked, asyncio.Future[str | None] | None]] = {}
        self._answers: dict[str, str] = {}
        self._asked: dict[str, int] = {}
        self._past: frozenset[str] = frozenset()
        self.surfaces, self.wait = 0, False
        agent.bus.on(TurnEnded, self._turn_ended)

    @property
    def pending(self) -> list[QuestionAsked]:
        return [question for question, _ in self._open.values()]

    @property
    def parked(self) -> list[QuestionAsked]:
        return [question for question, future in self._open.values() if future is None]

    def reopen(self, question: QuestionAsked, answer: str | None = None) -> None:
        if answer is None:
            self._open[question.id] = question, None
        else:
            self._answers[question.id] = answer

    @contextmanager
    def attached(self) -> Iterator[None]:
        # The last surface to leave denies what is still open.
        self.surfaces += 1
        try:
            yield
        finally:
            self.surfaces -= 1
            for _, future in self._open.values() if not self.surfaces else ():
                if future is not None and not future.done():
                    future.set_result(None)

    async def ask(self, question: QuestionAsked) -> str | None:
        """Return the answer; None is a denial. The id of a call's question is the same when the call runs again."""
        key = question.call_id or "agent"
        number = self._asked[key] = self._asked.get(key, 0) + 1
        question.id = question.id or f"{key}.{number}"
        if (known := self._answers.get(question.id)) is not None:
            return known
        if not self.surfaces and not self.wait:
            return None
        if not self.surfaces:
            self._open[question.id] = question, None
            self._agent.record(question)
            await self._agent.durable()
            raise TurnWaiting(f"the turn waits for an answer: {question.text}")
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._open[question.id] = question, future
        try:
            self._agent.record(question)
            await self._agent.durable()
            return await future
        finally:
            self._open.pop(question.id, None)

    def answer(self, id: str, answer: str, *, by: str = "") -> bool:
        if id in self._past:
            return False
        if id not in self._open and id not in self._answers:
            raise NotFound(f"no open question {id!r}", hint=nearest(id, self._open))
        _, future = self._open.get(id, (None, None))
        if id in self._answers or (future is not None and future.done()):
            return False
        self._agent.record(QuestionAnswered(id, answer, by))
        self._answers[id] = answer
        if future is None:
            del self._open[id]
        else:
            future.set_result(answer)
        return True

    def _turn_ended(self, event: TurnEnded) -> None:
        """Keep the questions and answers of a turn that waits; any other takes them along."""
        self._asked.clear()
        if event.result.status != "waiting":
            self._past = frozenset(self._answers)
            self._answers.clear()
            self._open = {id: entry for id, entry in self._open.items() if entry[1] is not None}
