"""Hook programs hear of questions; they may say no for the user, and never yes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, Context, ToolCall, ToolResult, Vetoed, tool
from kt.events import QuestionAsked
from kt.testing import EventRecorder

from .conftest import Hooked, Seen, advice, at, says, told

pytestmark = pytest.mark.anyio
ALLOW = says({"systemMessage": "done", "hookSpecificOutput": {"decision": {"behavior": "allow"}}})
DENY = says({"systemMessage": "done", "hookSpecificOutput": {"decision": {"behavior": "deny", "message": "no owls"}}})
DONE = says({"systemMessage": "done"})


@tool(name="write")
def write(path: str) -> str:
    """Write nothing."""
    return "written"


@tool(name="ask_user")
async def ask_user(ctx: Context[Any]) -> str:
    """Ask."""
    return f"answer: {await ctx.ask('Which owl?', ['yes', 'no'])}"


class Asking:
    """A guard that asks before each call."""

    name = "asking"

    def __init__(self, *choices: str) -> None:
        self.choices = list(choices or ("yes", "no"))

    @kt.hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        question = QuestionAsked("", f"run {call.name}?", self.choices, "approval", call.id, call.arguments)
        if (answer := await agent.ask(question)) != "yes":
            raise Vetoed(f"the answer was {answer}")
        return await next(call)


STEPS: list[Any] = [[("write", {"path": "owl.txt"})], "Done."]


async def first_call(agent: Agent, *, answer: str = "") -> Any:
    """Return the first call of a turn; `answer` is what the user says once a program has ended."""

    async def reply(id: str) -> None:
        await told(agent, "done")
        agent.questions.answer(id, answer)

    if answer:
        agent.bus.on(QuestionAsked, lambda q: agent.spawn(reply(q.id), name="user"))
    with agent.questions.attached():
        return (await asyncio.wait_for(agent.run("go"), 60)).tool_calls[0]


async def test_a_no_of_a_program_answers(hooked: Hooked, seen: Seen) -> None:
    hooks = at("PermissionRequest", f"{seen.keep}; {DENY}", matcher="Write")
    async with hooked(hooks, STEPS, tools=[write], guards=[Asking()]) as agent:
        recorder = EventRecorder(agent)
        assert (await first_call(agent)).error == "denied: the answer was no"
    assert advice(recorder) == ["done", "a hook said no to: run write?\nno owls"]
    assert seen.all[0]["tool_name"] == "Write"
    assert seen.all[0]["tool_input"]["file_path"].endswith("/owl.txt")


@pytest.mark.parametrize("command", [ALLOW, DONE, f"{ALLOW}; echo done >&2; exit 1"])
async def test_a_yes_of_a_program_does_not(hooked: Hooked, command: str) -> None:
    async with hooked(at("PermissionRequest", command), STEPS, tools=[write], guards=[Asking()]) as agent:
        assert (await first_call(agent, answer="never")).error == "denied: the answer was never"


async def test_only_a_choice_is_an_answer(hooked: Hooked) -> None:
    async with hooked(at("PermissionRequest", DENY), STEPS, tools=[write], guards=[Asking("yes", "never")]) as agent:
        assert (await first_call(agent, answer="yes")).result == "written"


async def test_the_first_answer_counts(hooked: Hooked, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    hooks = at("PermissionRequest", f"cat {tmp_path}/gate; {DENY}")
    async with hooked(hooks, STEPS, tools=[write], guards=[Asking()]) as agent:
        agent.bus.on(QuestionAsked, lambda q: asyncio.get_running_loop().call_soon(agent.questions.answer, q.id, "yes"))
        recorder = EventRecorder(agent)
        assert (await first_call(agent)).result == "written"
        ended = asyncio.create_task(told(agent, "done"))
        await asyncio.to_thread((tmp_path / "gate").write_text, "")
        await ended
    assert "plugin_failed" not in recorder.kinds
    assert advice(recorder) == ["done"]


async def test_a_question_that_waits_is_left_to_its_user(hooked: Hooked) -> None:
    async with hooked(at("PermissionRequest", DENY), STEPS, tools=[write], guards=[Asking()]) as agent:
        agent.questions.wait = True
        ended = asyncio.create_task(told(agent, "done"))
        result = await agent.run("go")
        await ended
        assert [q.text for q in agent.questions.pending] == ["run write?"]
        done = await agent.answer(result.pending[0].id, "yes")
        assert done is not None
        assert done.tool_calls[0].result == "written"


async def test_each_question_is_a_notification(hooked: Hooked, seen: Seen) -> None:
    hooks = {**at("Notification", f"{seen.keep}; {DONE}"), **at("PermissionRequest", DENY)}
    async with hooked(hooks, [[("ask_user", {})], "Done."], tools=[ask_user]) as agent:
        assert (await first_call(agent, answer="yes")).result == "answer: yes"
    (given,) = seen.all
    assert (given["message"], given["notification_type"]) == ("Which owl?", "elicitation_dialog")
