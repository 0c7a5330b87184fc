"""The questions of a replay: they get the recorded answers, and nobody is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kt.errors import NotFound, TurnWaiting
from kt.events import QuestionAsked, TurnEnded

if TYPE_CHECKING:
    from kt import Agent

    from .stage import Stage


class RecordedQuestions:
    """Answer the questions of one agent; the protocol `kt.Questions` says what each part does."""

    def __init__(self, agent: "Agent", stage: "Stage") -> None:
        self._stage = stage
        self._asked: dict[str, int] = {}
        self.wait = False
        agent.bus.on(TurnEnded, lambda event: self._asked.clear())

    @property
    def pending(self) -> list[QuestionAsked]:
        return []

    @property
    def parked(self) -> list[QuestionAsked]:
        return []

    def reopen(self, question: QuestionAsked, answer: str | None = None) -> None:
        """Do nothing: the record has the questions, and their answers."""

    @contextmanager
    def attached(self) -> Iterator[None]:
        yield

    async def ask(self, question: QuestionAsked) -> str | None:
        """Return the recorded answer; where there was none, end as the question did: parked, cut off, or denied."""
        key = question.call_id or "agent"
        number = self._asked[key] = self._asked.get(key, 0) + 1
        question.id = question.id or f"{key}.{number}"
        turn = self._stage.turn
        if turn is None:
            return None
        if question.id in turn.asked:
            self._stage.findings.compare(f"question {question.id}", turn.asked[question.id], question.text)
        if (answer := turn.answers.get(question.id)) is not None:
            return _no_longer(answer, question)
        if question.id in turn.asked and turn.status == "waiting":
            raise TurnWaiting(f"the turn waits for an answer: {question.text}")
        if question.id in turn.asked:
            await self._stage.no_answer()
        return None

    def answer(self, id: str, answer: str, *, by: str = "") -> bool:
        raise NotFound(f"no open question {id!r}", hint="a replay answers as it was recorded")


def _no_longer(answer: str, question: QuestionAsked) -> str:
    """Return an approval that was for always as one for this session: a replay leaves nothing behind."""
    if question.topic == "approval" and "always" in answer:
        return next((c for c in question.choices if "session" in c), question.choices[0])
    return answer
