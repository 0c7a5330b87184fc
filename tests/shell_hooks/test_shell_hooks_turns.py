"""Hook programs at sessions, prompts and ends, of agents and of sub-agents, and before a summary."""

from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.events import InputAccepted
from kt.testing import EventRecorder, ScriptedLLM
from kt_compaction.compactor import Compactor

from .conftest import Hooked, Seen, advice, at, says, specific

pytestmark = pytest.mark.anyio


async def test_a_session_begins_and_ends(hooked: Hooked, seen: Seen) -> None:
    hooks = {**at("SessionStart", seen.keep, matcher="startup"), **at("SessionEnd", seen.keep)}
    async with hooked(hooks) as agent:
        assert seen.events == ["SessionStart"]
        await agent.run("hi")
    assert seen.events == ["SessionStart", "SessionEnd"]
    first, last = seen.all
    assert (first["source"], last["reason"]) == ("startup", "other")
    assert first["session_id"] == last["session_id"]


@pytest.mark.parametrize("command", ["echo Owls sleep by day.", specific("SessionStart", additionalContext="Owls ...")])
async def test_what_a_session_begins_with_is_in_the_prompt(hooked: Hooked, command: str) -> None:
    async with hooked(at("SessionStart", command), creature={"name": "test", "prompt": "Be kind."}) as agent:
        assert agent.system.startswith("Be kind.\n\nOwls ")


async def test_a_session_is_not_blocked(hooked: Hooked) -> None:
    async with hooked(at("SessionStart", "echo no >&2; exit 2")) as agent:
        recorder = EventRecorder(agent)
        assert (await agent.run("hi")).ok
    assert advice(recorder) == ["no"]


async def test_a_resumed_session_says_so(plugins: Plugins, repo: Path, seen: Seen, tmp_path: Path) -> None:
    hooks = {"shell_hooks": {"hooks": at("SessionStart", seen.keep)}}
    file = tmp_path / "owls.ktlog"
    async with Host(plugins) as host:
        options: dict[str, Any] = {"pwd": repo, "plugins": [hooks], "host": host}
        async with await Agent.build({"name": "a"}, llm=ScriptedLLM(["one"]), session=file, **options) as agent:
            await agent.run("hi")
        again = await Agent.resume(file, host=host, llm=ScriptedLLM(["two"]), plugins=[hooks])
        await again.stop()
    assert [given["source"] for given in seen.all] == ["startup", "resume"]
    assert {given["session_id"] for given in seen.all} == {"owls"}
    assert seen.all[0]["transcript_path"] == str(file)


@pytest.mark.parametrize(
    "command", ["echo no owls >&2; exit 2", says({"decision": "block", "reason": "no owls"}),
                says({"continue": False, "stopReason": "no owls"})],
)  # fmt: skip
async def test_a_prompt_is_refused(hooked: Hooked, command: str) -> None:
    async with hooked(at("UserPromptSubmit", command)) as agent:
        result = await agent.run("tell me of owls")
        assert (result.status, str(result.error)) == ("denied", "no owls")
        assert agent.history == []
        assert agent.provider.requests == []


@pytest.mark.parametrize(
    "command", ["echo It is night.", specific("UserPromptSubmit", additionalContext="It is night.")]
)
async def test_what_is_known_at_a_prompt_goes_with_it(hooked: Hooked, seen: Seen, command: str) -> None:
    async with hooked(at("UserPromptSubmit", f"{seen.keep}; {command}")) as agent:
        assert (await agent.run("Which owls?")).ok
        assert [part.text for part in agent.history[0].parts] == ["Which owls?", "It is night."]
    assert seen.all[0]["prompt"] == "Which owls?"


def until(file: Path, times: int) -> str:
    """Return a command that blocks so many times."""
    return f'echo x >> {file}; test $(wc -l < {file}) -gt {times} || {{ echo "count again" >&2; exit 2; }}'


async def test_the_agent_must_go_on(hooked: Hooked, seen: Seen, tmp_path: Path) -> None:
    steps = ["Two owls.", "Three owls.", "next"]
    async with hooked(at("Stop", f"{seen.keep}; {until(tmp_path / 'n', 1)}"), steps) as agent:
        recorder = EventRecorder(agent)
        result = await agent.run("How many?")
        assert (result.text, result.turns) == ("Three owls.", 2)
        said = [(m.role, m.text) for m in agent.history]
        assert said == [
            ("user", "How many?"), ("assistant", "Two owls."), ("user", "count again"), ("assistant", "Three owls."),
        ]  # fmt: skip
        assert [e.source for e in recorder.of(InputAccepted)] == ["shell_hooks"]
        assert (await agent.run("And now?")).text == "next"
    assert [given["stop_hook_active"] for given in seen.all] == [False, True, False]
    assert seen.all[0]["last_assistant_message"] == "Two owls."


async def test_it_goes_on_eight_times_at_most(hooked: Hooked) -> None:
    async with hooked(at("Stop", says({"decision": "block", "reason": "again"})), ["owl"] * 20) as agent:
        recorder = EventRecorder(agent)
        result = await agent.run("go")
        assert (result.status, result.turns) == ("ok", 9)
    assert advice(recorder) == ["hooks sent the agent on 8 times in this turn, now it ends: again"]


async def test_an_end_beats_going_on(hooked: Hooked) -> None:
    hooks = at("Stop", says({"decision": "block", "reason": "again"}), says({"continue": False}))
    async with hooked(hooks) as agent:
        assert (await agent.run("go")).turns == 1


async def test_a_turn_that_failed_did_not_stop_of_itself(hooked: Hooked, seen: Seen) -> None:
    async with hooked(at("Stop", seen.keep), [RuntimeError("broken")]) as agent:
        assert not (await agent.run("go")).ok
    assert seen.all == []


async def test_sub_agents_have_events_of_their_own(hooked: Hooked, seen: Seen, tmp_path: Path) -> None:
    both = ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd", "PreToolUse")
    hooks = {event: at(event, seen.keep)[event] for event in both}
    hooks |= at(
        "SubagentStart", seen.keep, specific("SubagentStart", additionalContext="Owls are shy."), matcher="scout"
    )
    hooks |= at("SubagentStop", f"{seen.keep}; {until(tmp_path / 'n', 1)}", matcher="scout")
    scout = {"name": "scout", "prompt": "You are the scout.", "description": "Looks."}
    requests: list[Any] = []

    def play(request: Any) -> Any:
        requests.append(request)
        if request.system.startswith("You are the scout."):
            return "Seen none." if len(request.messages) == 1 else "Seen one."
        return "Good." if len(request.messages) > 1 else [("task", {"agent": "scout", "prompt": "Look.", "wait": True})]

    async with hooked(hooks, play, subagents=[scout]) as agent:
        result = await agent.run("Are there owls?")
    assert (result.text, result.tool_calls[0].result) == ("Good.", "[scout s1]\nSeen one.")
    order = ["SessionStart", "UserPromptSubmit", "PreToolUse", "SubagentStart", "SubagentStop", "SubagentStop", "Stop"]
    assert seen.events == [*order, "SessionEnd"]
    start, stop, again = seen.all[3:6]
    assert (start["agent_id"], start["agent_type"]) == ("s1", "scout")
    assert (stop["stop_hook_active"], again["stop_hook_active"]) == (False, True)
    assert [p.text for p in requests[1].messages[0].parts] == ["Look.", "Owls are shy."]


async def test_before_a_summary(hooked: Hooked, seen: Seen) -> None:
    hooks = at("PreCompact", seen.keep, "echo not now >&2; exit 2", matcher="manual")
    steps = ["word " * 400, "word " * 400, "word " * 400, "word " * 400, "owls"]
    async with hooked(hooks, steps, plugins=["compaction"]) as agent:
        recorder = EventRecorder(agent)
        for _ in range(4):
            await agent.run("word " * 400)
        compactor = agent.plugin("compaction")
        assert isinstance(compactor, Compactor)
        await compactor.compact("the owls")
    assert [(g["trigger"], g["custom_instructions"]) for g in seen.all] == [("manual", "the owls")]
    assert "not now" in advice(recorder)
