"""Hook programs around tool calls: refuse, ask, change, add, and never loosen a guard."""

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, Message, ToolCall, ToolResult, Vetoed, tool
from kt.events import QuestionAsked
from kt.testing import EventRecorder

from .conftest import Hooked, Seen, advice, at, says, specific

pytestmark = pytest.mark.anyio

RAN: list[str] = []


@tool(name="write")
def write(path: str, content: str) -> str:
    """Write nothing."""
    RAN.append(f"{path}: {content}")
    return "written"


@tool(name="bash")
def bash(command: str, timeout: float = 120) -> str:
    """Run nothing."""
    if command == "fail":
        raise kt.KTError("it failed")
    RAN.append(command)
    return f"ran {command}"


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    RAN.clear()
    return RAN


def calls(*arguments: dict[str, Any], name: str = "write") -> list[Any]:
    return [[(name, each) for each in arguments], "Done."]


OWL = {"path": "owl.txt", "content": "hoo"}


async def only_call(agent: Agent) -> Any:
    result = await agent.run("go")
    assert result.ok
    return result.tool_calls[0]


def read_by_model(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, ToolResult))


async def test_a_program_is_given_the_call_under_the_names_it_knows(hooked: Hooked, seen: Seen, repo: Path) -> None:
    async with hooked(at("PreToolUse", seen.keep, matcher="Write"), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).result == "written"
    (given,) = seen.all
    assert given["tool_name"] == "Write"
    assert given["tool_input"] == {"file_path": str(repo / "owl.txt"), "content": "hoo"}
    assert given["tool_use_id"] == "call_1"
    assert (given["hook_event_name"], given["cwd"], given["permission_mode"]) == ("PreToolUse", str(repo), "default")
    assert given["session_id"]
    assert given["transcript_path"] == ""


REFUSALS = {
    "exit code": "echo no owls >&2; exit 2",
    "decision": specific("PreToolUse", permissionDecision="deny", permissionDecisionReason="no owls"),
    "older decision": says({"decision": "block", "reason": "no owls"}),
}


@pytest.mark.parametrize("command", REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_call_is_refused_with_a_text_for_the_model(hooked: Hooked, command: str) -> None:
    async with hooked(at("PreToolUse", command), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).error == "denied: no owls"
    assert RAN == []


@pytest.mark.parametrize("matcher", ["", "*", "Write", "write", "Edit|Write", "Wr.*", "^Write$"])
async def test_a_matcher_fits_either_name(hooked: Hooked, matcher: str) -> None:
    async with hooked(at("PreToolUse", "exit 2", matcher=matcher), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).error
    assert RAN == []


@pytest.mark.parametrize("matcher", ["Edit", "Writ", "rite", "mcp__.*", "^rite"])
async def test_a_matcher_that_does_not_fit(hooked: Hooked, matcher: str) -> None:
    async with hooked(at("PreToolUse", "exit 2", matcher=matcher), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).result == "written"


async def test_a_tool_of_another_name_keeps_it(hooked: Hooked, seen: Seen) -> None:
    @tool(name="mcp__owls__count")
    def count(path: str) -> int:
        """Count."""
        return 3

    steps = calls({"path": "wood"}, name="mcp__owls__count")
    async with hooked(at("PreToolUse", seen.keep, matcher="mcp__owls__.*"), steps, tools=[count]) as agent:
        assert (await only_call(agent)).result == "3"
    assert seen.all[0]["tool_name"] == "mcp__owls__count"
    assert seen.all[0]["tool_input"] == {"path": "wood"}


async def test_other_input_takes_the_place_of_the_models(hooked: Hooked, repo: Path) -> None:
    other = specific("PreToolUse", updatedInput={"file_path": str(repo / "owl.txt"), "content": "HOO"})
    async with hooked(at("PreToolUse", other), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).result == "written"
    assert RAN == ["owl.txt: HOO"]  # the path as the model gave it: the program left it as it was told


async def test_a_timeout_is_in_milliseconds_there(hooked: Hooked, seen: Seen) -> None:
    steps = calls({"command": "ls", "timeout": 5}, name="bash")
    async with hooked(at("PreToolUse", seen.keep), steps, tools=[bash]) as agent:
        await only_call(agent)
    assert seen.all[0]["tool_input"] == {"command": "ls", "timeout": 5000}


async def test_input_that_does_not_fit_the_tool_is_an_error_of_the_call(hooked: Hooked) -> None:
    other = specific("PreToolUse", updatedInput={"content": 3})
    async with hooked(at("PreToolUse", other), calls(OWL), tools=[write]) as agent:
        assert "arguments invalid" in (await only_call(agent)).error
    assert RAN == []


async def test_what_ran_is_told_and_a_block_afterwards_is_read_by_the_model(hooked: Hooked, seen: Seen) -> None:
    hooks = at("PostToolUse", seen.keep, "echo is it formatted? >&2; exit 2")
    async with hooked(hooks, calls({"command": "ls"}, name="bash"), tools=[bash]) as agent:
        call = await only_call(agent)
        assert agent.provider.requests[1].messages[-1].parts[0].text == "ran ls\nis it formatted?"
    assert call.error is None
    assert seen.all[0]["tool_response"]["stdout"] == "ran ls"
    assert seen.events == ["PostToolUse"]


async def test_what_failed_is_told_at_an_event_of_its_own(hooked: Hooked, seen: Seen) -> None:
    hooks = {**at("PostToolUse", seen.keep), **at("PostToolUseFailure", seen.keep)}
    async with hooked(hooks, calls({"command": "fail"}, name="bash"), tools=[bash]) as agent:
        assert (await only_call(agent)).error == "it failed"
    assert seen.events == ["PostToolUseFailure"]
    assert seen.all[0]["error"] == "it failed"


async def test_context_is_added_to_the_result(hooked: Hooked) -> None:
    hooks = {
        **at("PreToolUse", specific("PreToolUse", additionalContext="owls are shy")),
        **at("PostToolUse", specific("PostToolUse", additionalContext="it was day")),
    }
    async with hooked(hooks, calls(OWL), tools=[write]) as agent:
        await only_call(agent)
        assert read_by_model(agent.history[2]) == "written\nowls are shy\nit was day"
        assert agent.taint == {"exec"}


async def test_deny_beats_ask_beats_allow(hooked: Hooked) -> None:
    words = [
        specific("PreToolUse", permissionDecision=word, permissionDecisionReason=word)
        for word in ("allow", "ask", "deny")
    ]
    async with hooked(at("PreToolUse", *words), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).error == "denied: deny"
    async with hooked(at("PreToolUse", *words[:2]), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).error.endswith("nobody can be asked (ask)")
    async with hooked(at("PreToolUse", *words[:1]), calls(OWL), tools=[write]) as agent:
        assert (await only_call(agent)).result == "written"


@pytest.mark.parametrize(("answer", "error"), [("yes", None), ("no", "denied: the user said no to write")])
async def test_ask_asks_the_user(hooked: Hooked, answer: str, error: str | None) -> None:
    ask = specific("PreToolUse", permissionDecision="ask", permissionDecisionReason="owls are shy")
    questions: list[QuestionAsked] = []
    async with hooked(at("PreToolUse", ask), calls(OWL), tools=[write]) as agent:

        def reply(question: QuestionAsked) -> None:
            questions.append(question)
            asyncio.get_running_loop().call_soon(agent.questions.answer, question.id, answer)

        agent.bus.on(QuestionAsked, reply)
        with agent.questions.attached():
            assert (await only_call(agent)).error == error
    assert [(q.text, q.topic, q.choices) for q in questions] == [
        ("Allow write? (owls are shy)", "approval", ["yes", "no"])
    ]


class Guard:
    """A guard that refuses everything, or asks."""

    name = "guard"

    def __init__(self, *, asks: bool = False) -> None:
        self.asks = asks

    @kt.hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        question = QuestionAsked("", "really?", ["yes", "no"], "approval", call.id)
        if self.asks and await agent.ask(question) == "yes":
            return await next(call)
        raise Vetoed("the guard says no")


async def test_an_allow_loosens_no_guard(hooked: Hooked) -> None:
    allow = specific("PreToolUse", permissionDecision="allow")
    async with hooked(at("PreToolUse", allow), calls(OWL), tools=[write], guards=[Guard()]) as agent:
        assert (await only_call(agent)).error == "denied: the guard says no"
    assert RAN == []


async def test_a_yes_to_a_program_is_no_yes_to_a_guard_when_a_call_runs_again(hooked: Hooked, tmp_path: Path) -> None:
    once = tmp_path / "asked"
    ask = specific("PreToolUse", permissionDecision="ask")
    command = f"test -e {once} || {{ touch {once}; {ask}; }}"
    async with hooked(at("PreToolUse", command), calls(OWL), tools=[write], guards=[Guard(asks=True)]) as agent:
        agent.questions.wait = True
        first = await agent.run("go")
        assert (first.status, [q.text.partition("?")[0] for q in first.pending]) == ("waiting", ["Allow write"])
        second = await agent.answer(first.pending[0].id, "yes")
        assert second is not None
        assert (second.status, [q.text for q in second.pending]) == ("waiting", ["really?"])
        assert RAN == []


async def test_an_end_of_the_run_before_a_call(hooked: Hooked) -> None:
    stop = says({"continue": False, "stopReason": "enough owls"})
    async with hooked(at("PreToolUse", stop), calls(OWL), tools=[write]) as agent:
        result = await agent.run("go")
        assert (result.status, str(result.error)) == ("denied", "enough owls")
        assert len(agent.provider.requests) == 1
    assert RAN == []


async def test_an_end_of_the_run_after_a_call(hooked: Hooked) -> None:
    stop = says({"continue": False, "stopReason": "enough owls"})
    async with hooked(at("PostToolUse", stop), calls(OWL), tools=[write]) as agent:
        result = await agent.run("go")
        assert (result.status, str(result.error)) == ("denied", "enough owls")
        assert len(agent.provider.requests) == 1
    assert RAN == ["owl.txt: hoo"]


async def test_a_message_for_the_user(hooked: Hooked) -> None:
    async with hooked(at("PreToolUse", says({"systemMessage": "mind the owls"})), calls(OWL), tools=[write]) as agent:
        recorder = EventRecorder(agent)
        assert (await only_call(agent)).result == "written"
    assert advice(recorder) == ["mind the owls"]


async def test_an_edit_of_several_places_is_a_multi_edit_and_an_edit(hooked: Hooked, seen: Seen) -> None:
    @tool(name="edit")
    def edit(path: str, edits: list[dict[str, str]]) -> str:
        """Edit nothing."""
        return json.dumps(edits)

    steps = calls({"path": "a", "edits": [{"old": "x", "new": "y"}]}, name="edit")
    other = f"{seen.keep}; {specific('PreToolUse', updatedInput={'file_path': 'b', 'edits': [{'old_string': 'z'}]})}"
    async with hooked(at("PreToolUse", other, matcher="Edit"), steps, tools=[edit]) as agent:
        assert (await only_call(agent)).result == '[{"old": "z"}]'
    assert seen.all[0]["tool_name"] == "MultiEdit"
    assert seen.all[0]["tool_input"]["edits"] == [{"old_string": "x", "new_string": "y"}]


async def test_nothing_of_a_call_is_ever_part_of_a_command(hooked: Hooked, tmp_path: Path) -> None:
    evil = f"$(touch {shlex.quote(str(tmp_path / 'evil'))})"
    async with hooked(at("PreToolUse", "cat > /dev/null"), calls({"path": evil, "content": evil}), tools=[write]) as a:
        assert (await only_call(a)).result == "written"
    assert not (tmp_path / "evil").exists()
