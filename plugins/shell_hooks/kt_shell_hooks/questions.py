"""Hook programs at questions to the user: they hear of each, and may say no to one about a call."""

from collections.abc import Callable
from typing import Any

from kt import Agent
from kt.events import QuestionAsked

from .names import names_of, told, told_name
from .programs import Programs

NO = "no"
APPROVAL = "approval"


class QuestionHooks:
    """Run Notification at each question that a surface shows, and PermissionRequest where it is about a call."""

    def __init__(self, agent: Agent, programs: Programs) -> None:
        self._agent, self._programs = agent, programs

    def listen(self) -> Callable[[], None]:
        """Hear of questions from now on; return what ends that."""
        if not (self._programs.at("Notification") or self._programs.at("PermissionRequest")):
            return lambda: None
        return self._agent.bus.on(QuestionAsked, self._asked)

    def _asked(self, event: QuestionAsked) -> None:
        self._agent.spawn(self._notify(event), name="hook Notification")
        if event.topic == APPROVAL:
            self._agent.spawn(self._request(event), name="hook PermissionRequest")

    async def _notify(self, event: QuestionAsked) -> None:
        kind = "permission_prompt" if event.topic == APPROVAL else "elicitation_dialog"
        fields = {"message": event.text, "notification_type": kind}
        await self._programs.run("Notification", fields, subjects=(kind,))

    async def _request(self, event: QuestionAsked) -> None:
        """Answer a question with no where a program denies; a yes is a person's to say."""
        tool, arguments = self._call(event)
        fields: dict[str, Any] = {"tool_name": told_name(tool, arguments)}
        fields |= {"tool_input": told(tool, arguments, self._agent.pwd), "tool_use_id": event.call_id}
        answer = await self._programs.run("PermissionRequest", fields, subjects=names_of(tool))
        questions = self._agent.questions
        parked = {question.id for question in questions.parked}
        still_open = {question.id for question in questions.pending} - parked
        if answer.denied and event.id in still_open and NO in event.choices:
            questions.answer(event.id, NO, by="shell_hooks")
            self._programs.tell(f"a hook said no to: {event.text}\n{answer.why}")

    def _call(self, event: QuestionAsked) -> tuple[str, dict[str, Any]]:
        """Return the name and arguments of the call that a question is about, "" for that of a sub-agent."""
        turn = self._agent.turn
        state = None if turn is None else turn.calls.get(event.call_id)
        return "" if state is None else state.call.name, event.data if isinstance(event.data, dict) else {}
