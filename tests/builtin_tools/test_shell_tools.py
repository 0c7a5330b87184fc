"""bash, tasks and stop_task, in the foreground and as jobs."""

import asyncio
import os
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Text, ToolRecord, ToolResult
from kt.events import ToolEnded, ToolProgress
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]
OPEN = {"sandbox": {"backend": "none", "require": "none"}}
"""These tests are about the tools; tests/sandbox and tests/escape are about the walls."""


def bash(command: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "bash", {"command": command, **more}


TREE = "(echo $BASHPID > pid; trap '' TERM; while :; do sleep 100; done) & wait"


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("echo one; echo two >&2", "one\ntwo"),
        ("true", "(no output)"),
        ("echo no; exit 3", "no\n[exit code 3]"),
        ("kill -SEGV $$", "(no output)\n[ended by SIGSEGV]"),
        ("kill -40 $$", "(no output)\n[ended by signal 40]"),
        ("no-such-command", "bash: line 1: no-such-command: command not found\n[exit code 127]"),
        ("if", "bash: -c: line 2: syntax error: unexpected end of file\n[exit code 2]"),
        ("cat", "(no output)"),
        ("tty", "not a tty\n[exit code 1]"),
        ("", "(no output)"),
        (r"printf 'a\xffb\0c'", "a\ufffdb\0c"),
        ("sleep 100 & echo left", "left"),
    ],
)
async def test_bash_gives_output_and_exit_code(play: Play, command: str, result: str) -> None:
    (done,) = await play(bash(command))
    assert done.result is not None
    assert done.result.replace("/usr/bin/bash", "bash").replace("/bin/bash", "bash") == result


async def test_bash_runs_in_a_folder_beneath_the_working_folder(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "out").symlink_to("/")
    here, inner, outside, link, missing = await play(
        bash("pwd"), bash("pwd", cwd="a b"), bash("pwd", cwd=".."), bash("pwd", cwd="out"), bash("pwd", cwd="none")
    )
    assert (here.result, inner.result) == (str(tmp_path), f"{tmp_path}/a b")
    assert outside.error == "denied: '..' is outside the working folder"
    assert link.error == "denied: 'out' is outside the working folder"
    assert missing.error is not None
    assert missing.error.startswith("there is no folder")


@pytest.mark.parametrize("timeout", [0, -1, 120_000])
async def test_bash_takes_its_timeout_in_seconds(play: Play, timeout: int) -> None:
    (done,) = await play(bash("true", timeout=timeout))
    assert done.error == "timeout is in seconds, up to 3600"


async def test_a_timeout_is_an_error_that_keeps_the_output_and_ends_the_tree(play: Play, watch: Any) -> None:
    (done,) = await play(bash(f"echo begun; {TREE}", timeout=0.5))
    assert done.error == "begun\n[timed out after 0.5 s; it was ended with all its processes]"
    assert await watch.ended(await watch.born())


async def test_an_interrupted_turn_ends_the_tree(tmp_path: Path, watch: Any) -> None:
    async with running([[bash(TREE)]], tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]) as agent:
        turn = asyncio.create_task(agent.run("go"))
        pid = await watch.born()
        agent.interrupt()
        result = await turn
        assert result.status == "cancelled"
        assert await watch.ended(pid)


async def test_a_turn_that_reaches_its_timeout_ends_the_tree(tmp_path: Path, watch: Any) -> None:
    async with running([[bash(TREE)]], tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]) as agent:
        result = await agent.run("go", timeout=0.5)
        assert result.status == "timeout"
        assert await watch.ended(await watch.born())


async def test_huge_output_is_cut_and_its_file_named(tmp_path: Path) -> None:
    command = "echo first; yes | head -c 50000000; echo last"
    async with running(
        [[bash(command)], "done"], tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]
    ) as agent:
        tracemalloc.start()
        done = (await agent.run("go")).tool_calls[0]
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()
        assert done.result is not None
        assert len(done.result) < 31_000
        *output, note = done.result.splitlines()
        assert (output[0], output[-1]) == ("first", "last")
        assert note.startswith("[cut; all of it is in /")
        assert os.stat(note.split()[6].rstrip(":")).st_size == 50_000_011  # noqa: PTH116


async def test_bash_reports_all_it_prints_while_it_runs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one")
    os.mkfifo(tmp_path / "two")
    steps = [[bash("echo begun; cat one; cat two")], "done"]
    async with running(steps, tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]) as agent:
        async with agent.bus.stream(ToolProgress) as progress:
            turn = asyncio.create_task(agent.run("go"))
            assert await anext(progress) == ToolProgress("call_1", "begun\n")
            await asyncio.to_thread((tmp_path / "one").write_text, "middle\n")
            assert await anext(progress) == ToolProgress("call_1", "middle\n")
        await asyncio.to_thread((tmp_path / "two").write_text, "ended")
        result = await turn
    assert result.tool_calls[0].result == "begun\nmiddle\nended"


async def test_progress_is_bounded(tmp_path: Path) -> None:
    async with running(
        [[bash("yes | head -c 3000000")], "done"], tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]
    ) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
    texts = [e.text for e in events.of(ToolProgress)]
    assert 0 < len(texts) < 30
    assert max(map(len, texts)) <= 2000


async def test_calls_of_bash_run_one_after_the_other(tmp_path: Path) -> None:
    steps = [[bash("echo 1 >> log; sleep 0.1; echo 2 >> log"), bash("echo 3 >> log")], "done"]
    async with running(steps, tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]) as agent:
        await agent.run("go")
    assert (tmp_path / "log").read_text().split() == ["1", "2", "3"]


async def test_what_bash_prints_is_marked_as_no_word_of_the_user(tmp_path: Path) -> None:
    async with running(
        [[bash("echo x")], "done"], tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]
    ) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        assert agent.taint == {"exec"}
    result: ToolResult = events.of(ToolEnded)[0].result
    assert result.parts == [Text("x", origin="exec")]


async def test_a_background_task_is_listed_and_stopped(tmp_path: Path, watch: Any) -> None:
    pids: list[int] = []

    async def wait_for_it(request: object) -> list[Any]:
        pids.append(await watch.born())
        return [("tasks", {})]

    steps = [
        [("tasks", {})],
        [bash(TREE, run_in_background=True)],
        wait_for_it,
        [("stop_task", {"id": "j2"})],
        [("stop_task", {"id": "j1"})],
        [("tasks", {})],
        "done",
    ]
    names = ["bash", "tasks", "stop_task"]
    async with running(ScriptedLLM(steps), tools=names, pwd=tmp_path, unguarded=True, plugins=[OPEN]) as agent:
        result = await agent.run("go")
        none, begun, listed, unknown, stopped, after = result.tool_calls
        assert await watch.ended(pids[0])
    assert none.result == "(no tasks)"
    assert begun.result is not None
    assert "j1" in begun.result
    assert listed.result is not None
    assert listed.result.startswith("j1 running: bash {")
    assert unknown.error is not None
    assert unknown.error.startswith("no job 'j2'")
    assert stopped.result == "j1: cancelled"
    assert after.result is not None
    assert after.result.startswith("j1 cancelled: bash {")


async def test_the_tasks_of_an_agent_end_with_it(tmp_path: Path, watch: Any) -> None:
    async with running(
        [[bash(TREE, run_in_background=True)]], tools=["bash"], pwd=tmp_path, unguarded=True, plugins=[OPEN]
    ) as agent:
        turn = asyncio.create_task(agent.run("go"))
        pid = await watch.born()
        turn.cancel()
        await asyncio.wait([turn])
        assert watch.lives(pid)
    assert await watch.ended(pid)


async def test_tasks_need_the_plugin_that_keeps_them(play: Play) -> None:
    (done,) = await play(("tasks", {}))
    assert done.error is not None
    assert done.error.startswith("plugin 'jobs' is not enabled")


def test_bash_declares_that_it_runs_anything_that_is_granted() -> None:
    from kt_builtin_tools.shell import bash

    assert (bash.needs.exec, bash.needs.net, bash.needs.writes) == (("any",), ("@hosts",), ("*",))
    assert (bash.effect, bash.parallel, bash.background) == ("once", False, True)


async def test_a_background_task_is_written_to_and_read(tmp_path: Path) -> None:
    seen: list[str] = []
    later = iter([[("write_stdin", {"id": "j1", "text": "one\n"})], [("write_stdin", {"id": "j1", "text": "two\n"})]])

    def next_step() -> Any:
        return next(later, [("write_stdin", {"id": "j1", "text": "", "end": True})])

    command = "echo ready; while read line; do echo got $line; done; echo over"
    talk = ["ready", "got one", "got two"]

    async def play(request: Any) -> Any:
        await asyncio.sleep(0.02)
        last = "".join(part.text for part in request.messages[-1].parts)
        if last == "go":
            return [bash(command, run_in_background=True)]
        seen.append(last)
        if "over" in last:
            return "done"
        if talk and talk[0] in last:
            talk.pop(0)
            return next_step()
        return [("tasks", {"id": "j1"})]

    names = ["bash", "tasks", "write_stdin"]
    async with running(ScriptedLLM(play), tools=names, pwd=tmp_path, unguarded=True, plugins=[OPEN]) as agent:
        result = await agent.run("go", timeout=30)
    assert result.ok, result.error
    assert talk == []
    assert any("got two" in text for text in seen)


async def test_a_command_in_the_foreground_or_at_its_end_takes_no_input(play: Play) -> None:
    first, second = await play(bash("cat"), ("write_stdin", {"id": "j1", "text": "x"}))
    assert first.result == "(no output)"
    assert second.error is not None
    assert second.error.startswith("no job 'j1'")
