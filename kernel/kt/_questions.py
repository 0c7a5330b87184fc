"""Questions to the user: asked by tools and guards, answered by whichever surface is first."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import NotFound, TurnWaiting, nearest
from .events import QuestionAnswered, QuestionAsked

if TYPE_CHECKING:
    from ._agent import Agent


class Questions:
    """The open questions of one agent.

    A surface that can answer says so with `attached()`. With none attached a question is a denial (None), or, where
    `wait` is set, it ends the turn with status waiting, to be answered later.
    """

    __slots__ = ("_agent", "_answers", "_asked", "_open", "surfaces", "wait")

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._open: dict[str, tuple[QuestionAsked, asyncio.Future[str]]] = {}
        self._answers: dict[str, str] = {}
        self._asked: dict[str, int] = {}
        self.surfaces, self.wait = 0, False

    @property
    def pending(self) -> list[QuestionAsked]:
        return [question for question, _ in self._open.values()]

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Say that a surface is there to answer, for as long as the block runs."""
        self.surfaces += 1
        try:
            yield
        finally:
            self.surfaces -= 1

    async def ask(self, question: QuestionAsked) -> str | None:
        """Return the answer; None is a denial. The id of a call's question is the same when the call is re-entered."""
        key = question.call_id or "agent"
        number = self._asked[key] = self._asked.get(key, 0) + 1
        question.id = question.id or f"{key}.{number}"
        if (known := self._answers.pop(question.id, None)) is not None:
            return known
        if not self.surfaces and not self.wait:
            return None
        self._agent.record(question)
        await self._agent.durable()
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open[question.id] = question, future
        if not self.surfaces:
            raise TurnWaiting(f"the turn waits for an answer: {question.text}")
        try:
            return await future
        finally:
            self._open.pop(question.id, None)

    def reenter(self, call_id: str) -> None:
        """Count a call's questions from the start again, because the call runs again."""
        self._asked.pop(call_id, None)

    def answer(self, id: str, answer: str, *, by: str = "") -> bool:
        """Answer an open question; return False where another surface was first. Raises NotFound for an unknown id."""
        if id not in self._open:
            if id in self._answers:
                return False
            raise NotFound(f"no open question {id!r}", hint=nearest(id, self._open))
        _, future = self._open[id]
        if future.done():
            return False
        self._agent.record(QuestionAnswered(id, answer, by))
        if self.surfaces:
            future.set_result(answer)
        else:
            del self._open[id]
            self._answers[id] = answer
        return True
