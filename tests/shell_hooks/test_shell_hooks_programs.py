"""Programs that fail, hang, print too much or nonsense: never the end of the run, and always bounded."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from kt import Agent
from kt.testing import EventRecorder

from .conftest import Hooked, Seen, advice, at, says

pytestmark = pytest.mark.anyio
PYTHON = f"{shlex.quote(sys.executable)} -SIc"


async def remarks_of(agent: Agent) -> list[str]:
    """Run a turn that must end well, and return what was told meanwhile."""
    recorder = EventRecorder(agent)
    result = await agent.run("go")
    assert (result.status, result.text) == ("ok", "hello")
    return advice(recorder)


async def test_one_that_takes_too_long_is_ended_with_its_children(hooked: Hooked, watch: Any, tmp_path: Path) -> None:
    command = f"sleep 600 & echo $! > {tmp_path}/pid; wait"
    async with hooked(at("UserPromptSubmit", command, timeout=2)) as agent:
        (remark,) = await remarks_of(agent)
    assert remark.endswith("took longer than 2 s and was ended")
    assert await watch.ended(await watch.born())


async def test_a_cancelled_turn_ends_its_programs(hooked: Hooked, watch: Any, tmp_path: Path) -> None:
    async with hooked(at("UserPromptSubmit", f"echo $$ > {tmp_path}/pid; sleep 600")) as agent:
        async with anyio.create_task_group() as group:
            group.start_soon(agent.run, "go")
            pid = await watch.born()
            agent.interrupt()
        assert await watch.ended(pid)


async def test_what_it_leaves_running_is_not_waited_for(hooked: Hooked, watch: Any, tmp_path: Path) -> None:
    async with hooked(at("UserPromptSubmit", f"sleep 600 & echo $! > {tmp_path}/pid")) as agent:
        assert await remarks_of(agent) == []
    pid = await watch.born()
    assert watch.lives(pid)
    os.kill(pid, 9)


FAILING = {
    "missing": ("/no/such/program", "ended with 127"),
    "exit code": ("echo dear me >&2; exit 7", "ended with 7: dear me"),
    "killed": ("kill -9 $$", "ended with -9"),
    "no command": ("echo \0", "does not start"),
}


@pytest.mark.parametrize(("command", "told"), FAILING.values(), ids=FAILING.keys())
@pytest.mark.parametrize("event", ["UserPromptSubmit", "Stop", "SessionStart"])
async def test_a_failure_is_told_and_the_run_goes_on(hooked: Hooked, event: str, command: str, told: str) -> None:
    async with hooked(at(event, command)) as agent:
        (remark,) = await remarks_of(agent)
    assert told in remark
    assert event in remark


NONSENSE = {
    "cut JSON": "printf '{\"decision\": '",
    "other types": says({"decision": ["block"], "continue": 0, "hookSpecificOutput": "x", "systemMessage": 3}),
    "other types inside": says({"hookSpecificOutput": {"updatedInput": 3, "additionalContext": {}, "decision": 1}}),
    "no decision of this event": says({"hookSpecificOutput": {"permissionDecision": "deny"}}),
    "another event": says({"hookSpecificOutput": {"hookEventName": "PreToolUse", "additionalContext": "x"}}),
    "a list": says([1]),
    "deep": f'{PYTHON} \'print("{{" + "[" * 100000)\'',
    "text": "echo hello",
}


@pytest.mark.parametrize("command", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_says_nothing(hooked: Hooked, command: str) -> None:
    async with hooked(at("Stop", command)) as agent:
        assert await remarks_of(agent) == []


async def test_a_huge_output_is_cut(hooked: Hooked) -> None:
    command = f"{PYTHON} 'print(\"owl \" * 3_000_000)'"
    async with hooked(at("UserPromptSubmit", command)) as agent:
        (remark,) = await remarks_of(agent)
        said = agent.history[0].text
    assert "printed more than" in remark
    assert said.startswith("goowl owl")
    assert len(said) < 11_000


async def test_a_huge_answer_is_none(hooked: Hooked) -> None:
    command = f'{PYTHON} \'print("{{\\"decision\\": \\"block\\", \\"x\\": \\"" + "owl " * 3_000_000 + "\\"}}")\''
    async with hooked(at("UserPromptSubmit", command)) as agent:
        first, second = await remarks_of(agent)
        assert agent.history[0].text == "go"
    assert "printed more than" in first
    assert "its answer was cut" in second


async def test_one_that_reads_nothing(hooked: Hooked) -> None:
    async with hooked(at("UserPromptSubmit", "exec <&-; echo fine")) as agent:
        result = await agent.run("owl " * 1_000_000)
        assert result.ok
        assert agent.history[0].parts[1].text == "fine"


async def test_bytes_that_are_no_text(hooked: Hooked) -> None:
    async with hooked(at("UserPromptSubmit", r"printf 'a\377b'")) as agent:
        assert await remarks_of(agent) == []
        assert agent.history[0].parts[1].text == "a\ufffdb"


async def test_text_of_every_kind_arrives(hooked: Hooked, seen: Seen) -> None:
    odd = "Käuzchen \ud800 \x00 \u2028 'quoted' \"twice\" $(x)"
    async with hooked(at("UserPromptSubmit", seen.keep)) as agent:
        assert (await agent.run(odd)).ok
    assert seen.all[0]["prompt"] == odd


async def test_all_run_at_once(hooked: Hooked, tmp_path: Path) -> None:
    """Each of two waits for the other: one after the other they would wait for ever."""
    for name in ("a", "b"):
        os.mkfifo(tmp_path / name)
    commands = [
        f"cd {tmp_path}; echo x > a; cat b > /dev/null; echo one",
        f"cd {tmp_path}; cat a > /dev/null; echo x > b",
    ]
    async with hooked(at("UserPromptSubmit", *commands, timeout=60)) as agent:
        assert await remarks_of(agent) == []
        assert agent.history[0].parts[1].text == "one"


async def test_the_same_command_runs_once(hooked: Hooked, seen: Seen) -> None:
    table = at("UserPromptSubmit", seen.keep, seen.keep)
    table["UserPromptSubmit"] *= 2
    async with hooked(table) as agent:
        assert await remarks_of(agent) == []
    assert len(seen.all) == 1


async def test_one_that_nobody_waits_for(hooked: Hooked, watch: Any, tmp_path: Path) -> None:
    command = f"echo $$ > {tmp_path}/pid; sleep 600; exit 2"
    async with hooked(at("UserPromptSubmit", command, **{"async": True})) as agent:
        assert await remarks_of(agent) == []
        pid = await watch.born()
        assert watch.lives(pid)
    assert await watch.ended(pid)


async def test_it_runs_in_the_working_folder_with_the_environment(
    hooked: Hooked, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWL_TOKEN", "hoo")
    below = repo / "a"
    below.mkdir()
    command = 'echo "$PWD $CLAUDE_PROJECT_DIR $OWL_TOKEN"'
    async with hooked(at("UserPromptSubmit", command), pwd=below) as agent:
        assert await remarks_of(agent) == []
        assert agent.history[0].parts[1].text == f"{below} {repo} hoo"


async def test_a_working_folder_that_is_gone(hooked: Hooked, repo: Path) -> None:
    below = repo / "a"
    below.mkdir()
    async with hooked(at("UserPromptSubmit", "true"), pwd=below) as agent:
        below.rmdir()
        (remark,) = await remarks_of(agent)
    assert "does not start" in remark
