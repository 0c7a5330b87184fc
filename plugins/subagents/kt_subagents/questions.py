"""A sub-agent's questions are asked where its parent's are."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

from kt import Agent
from kt.events import QuestionAsked, TurnEnded


class Upward:
    """Ask a sub-agent's questions as its parent's, and hand the answers down.

    Where nobody can be asked at the parent, it is a denial for the sub-agent too. So it is where the parent's turn
    would wait for somebody: the sub-agent runs inside a call that can't be run again.
    """

    def __init__(self, child: Agent, parent: Agent, who: str) -> None:
        self._child, self._parent, self._who = child, parent, who
        self._scope = ExitStack()
        self._asking: dict[str, asyncio.Task[None]] = {}

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Be a surface of the sub-agent."""
        if self._child.host.registry.find("questions", "default") is None:
            yield
            return
        offs = self._child.bus.on(QuestionAsked, self._asked), self._child.bus.on(TurnEnded, self._turn_ended)
        self._scope.enter_context(self._child.questions.attached())
        try:
            yield
        finally:
            for off in offs:
                off()
            self._scope.close()

    def _asked(self, question: QuestionAsked) -> None:
        # An id that never comes again: to one that does, an earlier answer would be the answer.
        id = f"subagent.{uuid4().hex[:12]}"
        text = f"{self._who}: {question.text}"
        asked = QuestionAsked(id, text, list(question.choices), question.topic, "", question.data)
        self._asking[question.id] = self._parent.spawn(self._ask(question.id, asked), name=f"{self._who} asks")

    async def _ask(self, id: str, question: QuestionAsked) -> None:
        answer: str | None = None
        try:
            if self._can_ask():
                answer = await self._parent.ask(question)
        finally:
            self._asking.pop(id, None)
            self._settle(id, answer)

    def _can_ask(self) -> bool:
        questions = self._parent.questions
        return bool(not questions.wait or getattr(questions, "surfaces", 0))

    def _settle(self, id: str, answer: str | None) -> None:
        questions = self._child.questions
        if not any(open.id == id for open in questions.pending):
            return
        if answer is not None:
            questions.answer(id, answer, by=self._parent.name)
            return
        # The last surface to leave denies what is open.
        self._scope.close()
        self._scope.enter_context(questions.attached())

    def _turn_ended(self, event: TurnEnded) -> None:
        """Take back what nobody waits for any more."""
        for task in self._asking.values():
            task.cancel()
