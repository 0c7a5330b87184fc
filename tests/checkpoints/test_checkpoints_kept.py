"""What is kept before and told after calls of the real tools."""

import asyncio
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from kt import Context, ToolNeeds, Vetoed, hookimpl, tool
from kt.events import Advice
from kt.testing import EventRecorder, running
from kt_checkpoints.files import state_of
from kt_checkpoints.plugin import Checkpoints

pytestmark = pytest.mark.anyio


def write(path: str, content: str) -> tuple[str, dict[str, Any]]:
    return "write", {"path": path, "content": content}


def read(path: str) -> tuple[str, dict[str, Any]]:
    return "read", {"path": path}


def bash(command: str) -> tuple[str, dict[str, Any]]:
    return "bash", {"command": command}


def patch(*lines: str) -> tuple[str, dict[str, Any]]:
    return "apply_patch", {"patch": "\n".join(["*** Begin Patch", *lines, "*** End Patch"])}


def kept(work: Any) -> list[tuple[str, bytes | None]]:
    bodies = work.book.bodies("file_kept")
    return [(b["path"], None if b["data"] is None else b64decode(b["data"])) for b in bodies]


def changed(work: Any) -> list[list[str]]:
    return [list(b["paths"]) for b in work.book.bodies("files_changed")]


async def test_a_file_is_kept_before_it_is_written_and_the_change_is_told_after(work: Any) -> None:
    (work.folder / "a.txt").write_bytes(b"old")
    (work.folder / "a.txt").chmod(0o640)
    await work.turns([read("a.txt"), write("a.txt", "new")])
    kinds = [e.kind for e in work.book.stored]
    assert kinds.index("file_kept") < kinds.index("tool_started", kinds.index("file_kept"))
    assert kinds[kinds.index("files_changed") - 1] == "tool_ended"
    (body,) = work.book.bodies("file_kept")
    assert (b64decode(body["data"]), body["mode"], body["call_id"]) == (b"old", 0o640, "call_2")
    (told,) = work.book.bodies("files_changed")
    assert told == {"call_id": "call_2", "paths": {"a.txt": state_of(b"new", 0o640)}}


async def test_a_file_is_kept_once_in_a_turn_and_again_in_the_next(work: Any) -> None:
    await work.turns([write("a.txt", "1"), write("a.txt", "2")], [write("a.txt", "3")])
    assert kept(work) == [("a.txt", None), ("a.txt", b"2")]
    assert changed(work) == [["a.txt"]] * 3


async def test_a_call_that_changes_nothing_tells_of_no_change(work: Any) -> None:
    (work.folder / "a.txt").write_bytes(b"same")
    await work.turns([read("a.txt"), write("a.txt", "same"), ("edit", {"path": "a.txt", "old": "no", "new": "yes"})])
    assert work.results[-1].error
    assert changed(work) == []


async def test_a_patch_keeps_every_file_that_it_names(work: Any) -> None:
    for name in "edited", "moved", "deleted":
        (work.folder / name).write_text(f"{name}\n")
    lines = ["*** Add File: made/new", "+x", "*** Update File: edited", "@@", "-edited", "+changed"]
    lines += ["*** Update File: moved", "*** Move to: there/moved", "@@", "-moved", "+went", "*** Delete File: deleted"]
    await work.turns([read("edited"), read("moved"), read("deleted"), patch(*lines)])
    assert work.results[-1].error is None
    assert dict(kept(work)) == {
        "deleted": b"deleted\n", "edited": b"edited\n", "made/new": None, "moved": b"moved\n", "there/moved": None,
    }  # fmt: skip
    assert sorted(changed(work)[0]) == ["deleted", "edited", "made/new", "moved", "there/moved"]


async def test_of_a_program_only_the_names_are_told(work: Any) -> None:
    (work.folder / ".gitignore").write_text("*.log\n")
    for name in "a", "b", "c":
        (work.folder / name).write_text(name)
    (work.folder / ".git").mkdir()
    await work.turns([bash("echo more >> a; rm b; mkdir d; echo new > d/e; echo x > x.log; echo x > .git/x; cat c")])
    assert kept(work) == []
    assert work.book.bodies("files_changed")[0]["paths"] == {"a": "?", "b": "", "d/e": "?"}


async def test_a_program_that_changes_a_file_again_is_told_of_again(work: Any) -> None:
    await work.turns([bash("echo 1 > a")], [bash("echo 22 > a")])
    assert changed(work) == [["a"], ["a"]]
    assert kept(work) == []


async def test_a_change_right_after_another_one_does_not_go_unseen(work: Any) -> None:
    @tool(needs=ToolNeeds(writes=("$WS",)))
    def swap(ctx: Context[object]) -> str:
        """Write as many bytes."""
        (ctx.pwd / "a").write_text("2")
        return "done"

    await work.turns(*[[write("a", "1"), ("swap", {}), read("a")]] * 30, tools=["read", "write", swap])
    assert changed(work) == [["a"]] * 60


async def test_what_a_program_makes_of_a_file_that_the_session_follows_is_kept(work: Any) -> None:
    await work.turns([write("a.txt", "by the tool"), write("b.txt", "b")], [bash("echo by bash > a.txt")])
    assert kept(work)[-1] == ("a.txt", b"by bash\n")
    assert changed(work)[-1] == ["a.txt"]


async def test_writes_of_a_tool_while_a_program_runs_are_not_the_programs(work: Any) -> None:
    background = ("bash", {"command": "echo x > c.txt; while [ ! -e go ]; do sleep 0.01; done; rm go",
                           "run_in_background": True})  # fmt: skip
    await work.turns([write("a.txt", "1"), background, write("a.txt", "2"), write("go", "")], plugins=["jobs"])
    (by_bash,) = [b["paths"] for b in work.book.bodies("files_changed") if b["call_id"] == "call_2"]
    assert by_bash["c.txt"] == "?"
    assert "a.txt" not in by_bash


async def test_the_workspace_is_kept_before_the_first_program(work: Any) -> None:
    work.settings = {"keep": "workspace", "max_small_bytes": 10}
    (work.folder / "small").write_text("small")
    (work.folder / "large").write_text("this is large")
    await work.turns([bash("true"), bash("true")])
    assert kept(work) == [("small", b"small")]
    assert changed(work) == []


async def test_the_kept_workspace_has_a_bound_which_is_told_once(work: Any) -> None:
    work.settings = {"keep": "workspace", "max_total_bytes": 8}
    for name in "abc":
        (work.folder / name).write_text("12345")
    recorder: list[EventRecorder] = []

    class Listen:
        @hookimpl
        def kt_prompt(self, agent: Any) -> None:
            recorder.append(EventRecorder(agent))

    await work.turns([bash("true"), bash("true")], plugins=[Listen()])
    assert len(kept(work)) == 1
    assert len(recorder[0].of(Advice)) == 1


async def test_the_look_at_a_huge_folder_has_a_bound_which_is_told_once(work: Any) -> None:
    work.settings = {"max_entries": 5}
    for number in range(10):
        (work.folder / f"{number}").write_text("x")
    recorder: list[EventRecorder] = []

    class Listen:
        @hookimpl
        def kt_prompt(self, agent: Any) -> None:
            recorder.append(EventRecorder(agent))

    await work.turns([bash("echo y > 1; echo y > 9; echo y > 00"), bash("true")], plugins=[Listen()])
    assert changed(work) == [["1"]]
    assert [a.text for a in recorder[0].of(Advice)] == [
        "checkpoints looks at 5 files and folders: what tools change in others goes unnoticed"
    ]


async def test_a_large_file_is_named_and_not_kept(work: Any) -> None:
    work.settings = {"max_file_bytes": 3}
    (work.folder / "a").write_text("large")
    await work.turns([read("a"), write("a", "larger")])
    assert kept(work) == []
    assert work.book.bodies("files_changed")[0]["paths"] == {"a": "?"}


async def test_nothing_is_kept_where_the_log_does_not_last_or_nothing_is_written(work: Any) -> None:
    (work.folder / "a").write_text("x")
    await work.turns([read("a")])
    assert kept(work) == []
    async with running([[write("b", "x")], "done"], tools=["write"], pwd=work.folder, unguarded=True,
                       plugins=[Checkpoints()]) as agent:  # fmt: skip
        events = EventRecorder(agent)
        assert (await agent.run("go")).ok
    assert (work.folder / "b").read_text() == "x"
    assert not {"file_kept", "files_changed"} & set(events.kinds)


async def test_no_listener_gets_whole_files(work: Any) -> None:
    heard: list[str] = []

    class Listen:
        @hookimpl
        def kt_prompt(self, agent: Any) -> None:
            recorder = EventRecorder(agent)
            heard.append("")
            recorder.events = heard  # type: ignore[assignment]

    await work.turns([write("a", "x")], plugins=[Listen()])
    assert work.book.bodies("file_kept")
    assert "file_kept" not in [getattr(e, "kind", "") for e in heard]


async def test_a_denied_call_leaves_no_change(work: Any) -> None:
    class Deny:
        @hookimpl
        async def kt_around_tool_call(self) -> None:
            raise Vetoed("no")

    await work.turns([write("a", "x")], guards=[Deny()], unguarded=False)
    assert work.results[0].error == "denied: no"
    assert changed(work) == []
    done = work.restore(0)
    assert (done.removed, done.conflicts) == ([], [])


async def test_a_cancelled_program_is_told_of_too(work: Any) -> None:
    @tool(needs=ToolNeeds(writes=("$WS",)))
    async def spill(ctx: Context[object]) -> str:
        """Write and never end."""
        (ctx.pwd / "spilt").write_text("x")
        ctx.agent.interrupt()
        await asyncio.sleep(60)
        return ""

    async with running([[("spill", {})]], tools=[spill], pwd=work.folder, plugins=[Checkpoints()]) as agent:
        agent.log = work.log
        assert (await agent.run("go")).status == "cancelled"
    assert changed(work) == [["spilt"]]


async def test_a_tool_of_a_strangers_tells_its_files_by_a_function(work: Any, tmp_path: Path) -> None:
    @tool(needs=ToolNeeds(writes=("$WS",)))
    def stamp(ctx: Context[object], names: str) -> str:
        """Stamp files."""
        for name in names.split("+"):
            (ctx.pwd / name).write_text("stamped")
        return "done"

    (work.folder / "a").write_text("a")
    async with running([[("stamp", {"names": "a+b"})], "done"], tools=[stamp], pwd=work.folder,
                       plugins=[Checkpoints()]) as agent:  # fmt: skip
        agent.log = work.log
        agent.host.registry.add("writes_of", "stamp", lambda call: call.arguments["names"].split("+"))
        await agent.run("go")
    assert kept(work) == [("a", b"a"), ("b", None)]


async def test_a_tool_that_writes_to_a_folder_may_write_anything_in_it(work: Any) -> None:
    @tool(needs=ToolNeeds(writes=("@where",)))
    def fill(ctx: Context[object], where: str) -> str:
        """Fill a folder."""
        (ctx.pwd / where / "made").write_text("x")
        return "done"

    (work.folder / "out").mkdir()
    async with running([[("fill", {"where": "out"})], "done"], tools=[fill], pwd=work.folder,
                       plugins=[Checkpoints()]) as agent:  # fmt: skip
        agent.log = work.log
        await agent.run("go")
    assert changed(work) == [["out/made"]]


async def test_the_sessions_own_file_is_no_change(work: Any) -> None:
    class Name:
        @hookimpl
        def kt_prompt(self, agent: Any) -> None:
            agent.session = str(work.folder / "run.ktlog")

    await work.turns([bash("echo more >> run.ktlog; echo more >> run.ktlog-wal; echo x > a")], plugins=[Name()])
    assert changed(work) == [["a"]]
