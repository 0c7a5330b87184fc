"""Hook programs around tool calls: before one, after it, and after one that failed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from kt import Agent, Part, Text, ToolCall, ToolResult, Vetoed
from kt.events import QuestionAsked

from .names import names_of, taken_back, told, told_name
from .programs import Programs

YES, NO = "yes", "no"


class ToolHooks:
    """Run PreToolUse before a call, and PostToolUse or PostToolUseFailure after it."""

    def __init__(self, agent: Agent, programs: Programs) -> None:
        self._agent, self._programs = agent, programs

    async def around(self, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]) -> ToolResult:
        """Return the result of a call, with what programs add for the model. Raises Vetoed where they refuse it."""
        notes: list[str] = []
        if self._programs.at("PreToolUse"):
            call = await self._before(call, notes)
        result = await next(call)
        event = "PostToolUseFailure" if result.is_error else "PostToolUse"
        if self._programs.at(event):
            await self._after(event, call, result, notes)
        if not notes:
            return result
        parts: list[Part] = [*result.parts, *(Text(f"\n{note}", origin="exec") for note in notes)]
        return replace(result, parts=parts)

    async def _before(self, call: ToolCall, notes: list[str]) -> ToolCall:
        """Return the call as programs want it. Raises Vetoed where they, or whom they ask, refuse it."""
        answer = await self._programs.run("PreToolUse", self._about(call), subjects=names_of(call.name))
        if answer.stop is not None:
            self._end_turn(answer.stop)
            raise Vetoed(answer.stop)
        if answer.denied:
            raise Vetoed(answer.why)
        if answer.updated is not None:
            arguments = taken_back(call.name, call.arguments or {}, answer.updated, self._agent.pwd)
            call = replace(call, arguments=arguments)
        if answer.asked:
            await self._ask(call, "\n".join(answer.asked))
        notes += answer.contexts
        return call

    async def _ask(self, call: ToolCall, why: str) -> None:
        """Return if the user says yes. Raises Vetoed otherwise."""
        # An id of its own: by the one that is given else, a guard's question would take this answer for its own when
        # a call that waited runs again.
        question = QuestionAsked(f"{call.id}.hook", "", [YES, NO], "approval", call.id, call.arguments)
        question.text = f"Allow {call.name}? ({why})"
        answer = await self._agent.ask(question)
        if answer is None:
            raise Vetoed(f"a hook wants the user to decide on {call.name}, and nobody can be asked ({why})")
        if answer != YES:
            raise Vetoed(f"the user said no to {call.name}" + ("" if answer in (NO, "") else f": {answer}"))

    async def _after(self, event: str, call: ToolCall, result: ToolResult, notes: list[str]) -> None:
        fields = self._about(call)
        if result.is_error:
            fields |= {"error": result.text, "is_interrupt": False}
        else:
            fields["tool_response"] = _response(fields, result)
        answer = await self._programs.run(event, fields, subjects=names_of(call.name))
        notes += [*answer.denied, *answer.contexts]
        if answer.stop is not None:
            self._end_turn(answer.stop)

    def _about(self, call: ToolCall) -> dict[str, Any]:
        arguments = call.arguments or {}
        return {
            "tool_name": told_name(call.name, arguments),
            "tool_input": told(call.name, arguments, self._agent.pwd),
            "tool_use_id": call.id,
        }

    def _end_turn(self, why: str) -> None:
        if self._agent.turn is not None:
            self._agent.turn.cancel(Vetoed(why))


def _response(about: dict[str, Any], result: ToolResult) -> dict[str, Any]:
    """Return a result as programs know it: its text, and by the tool the keys that many of them read."""
    response: dict[str, Any] = {"content": result.text, "success": True}
    if about["tool_name"] == "Bash":
        response |= {"stdout": result.text, "stderr": "", "interrupted": False}
    if "file_path" in about["tool_input"]:
        response["filePath"] = about["tool_input"]["file_path"]
    return response
