"""The questions of an agent that works for another one: they are asked there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from kt.errors import NotFound
from kt.events import QuestionAsked

if TYPE_CHECKING:
    from kt import Agent


class AskAbove:
    """Ask an agent's questions as those of `above`, with `who` before the text; `agent.questions = AskAbove(...)`.

    Where nobody can be asked there, it is a denial here too. So it is where the other agent's turn would wait for
    somebody: this one's turn can't be run again with the answer.
    """

    wait = False

    def __init__(self, above: "Agent", who: str) -> None:
        self._above, self._who = above, who

    @property
    def surfaces(self) -> int:
        """Return how many surfaces can answer."""
        return int(getattr(self._above.questions, "surfaces", 0))

    @property
    def pending(self) -> list[QuestionAsked]:
        return []

    @property
    def parked(self) -> list[QuestionAsked]:
        return []

    def reopen(self, question: QuestionAsked, answer: str | None = None) -> None:
        """Let an earlier process' question go: the call that asked it asks again."""

    @contextmanager
    def attached(self) -> Iterator[None]:
        with self._above.questions.attached():
            yield

    async def ask(self, question: QuestionAsked) -> str | None:
        if self._above.questions.wait and not self.surfaces:
            return None
        # An id that never comes again: to one that does, an earlier answer would be the answer.
        id, text = f"{question.topic}.{uuid4().hex[:12]}", f"{self._who}: {question.text}"
        return await self._above.ask(QuestionAsked(id, text, list(question.choices), question.topic, "", question.data))

    def answer(self, id: str, answer: str, *, by: str = "") -> bool:
        raise NotFound(f"no open question {id!r}", hint=f"answer it at {self._above.name}")
