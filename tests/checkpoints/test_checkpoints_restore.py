"""Bringing files back: what is restored, removed, left alone, and told."""

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Context, ToolNeeds, tool
from kt.errors import NotFound
from kt_checkpoints.events import FilesChanged
from kt_checkpoints.files import state_of

pytestmark = pytest.mark.anyio


def write(path: str, content: str) -> tuple[str, dict[str, Any]]:
    return "write", {"path": path, "content": content}


def read(path: str) -> tuple[str, dict[str, Any]]:
    return "read", {"path": path}


def bash(command: str) -> tuple[str, dict[str, Any]]:
    return "bash", {"command": command}


@tool(needs=ToolNeeds(writes=("@path",)))
def put(ctx: Context[object], path: str, data: str, mode: int = 0o644) -> str:
    """Write bytes, given as hexadecimal, with a mode."""
    (ctx.pwd / path).write_bytes(bytes.fromhex(data))
    (ctx.pwd / path).chmod(mode)
    return "done"


def there(file: Path) -> tuple[int, ...] | None:
    if not os.path.lexists(file):
        return None
    found = os.lstat(file)
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


async def test_files_go_back_to_the_end_of_a_turn_and_new_ones_go(work: Any) -> None:
    (work.folder / "a").write_text("before")
    await work.turns(
        [read("a"), write("a", "one")], [write("a", "two"), write("new/deep/b", "b")], [write("a", "three")]
    )
    done = work.restore(1)
    assert (done.restored, done.removed, done.conflicts, done.unknown) == (["a"], ["new/deep/b"], [], [])
    assert work.tree() == {"a": (0o644, b"one")}
    assert work.restore(0).conflicts == ["a"]  # the session is not told yet that it was restored


async def test_a_session_that_is_told_of_a_restore_can_restore_again(work: Any) -> None:
    (work.folder / "a").write_text("before")
    await work.turns([read("a"), write("a", "one")], [write("a", "two")])
    work.log.append(FilesChanged("", work.restore(1).left))
    assert work.restore(0).restored == ["a"]
    assert (work.folder / "a").read_text() == "before"


async def test_nothing_is_done_where_nothing_changed_or_on_a_dry_run(work: Any) -> None:
    await work.turns([write("a", "one")], [write("b", "two"), bash("mkdir made")])
    before = work.tree()
    assert work.restore(2).left == {}
    assert work.restore(0, dry_run=True).removed == ["a", "b"]
    assert work.tree() == before
    work.restore(0)
    assert work.tree() == {}


async def test_binary_content_and_modes_come_back(work: Any) -> None:
    (work.folder / "a").write_bytes(bytes(range(256)))
    (work.folder / "a").chmod(0o751)
    await work.turns([("put", {"path": "a", "data": "00ff", "mode": 0o600})], tools=[put])
    work.restore(0)
    assert work.tree() == {"a": (0o751, bytes(range(256)))}


async def test_a_mode_alone_comes_back(work: Any) -> None:
    (work.folder / "a").write_bytes(b"\0")
    (work.folder / "a").chmod(0o644)
    await work.turns([("put", {"path": "a", "data": "00", "mode": 0o755})], tools=[put])
    assert work.restore(0).restored == ["a"]
    assert work.tree() == {"a": (0o644, b"\0")}


@pytest.mark.parametrize("edit", ["write", "chmod", "remove", "folder", "link", "pipe"])
async def test_what_somebody_else_changed_since_is_left_alone(work: Any, edit: str) -> None:
    (work.folder / "a").write_text("old")
    await work.turns([read("a"), write("a", "new")])
    file = work.folder / "a"
    if edit == "write":
        file.write_text("mine")
    elif edit == "chmod":
        file.chmod(0o700)
    else:
        file.unlink()
    if edit == "folder":
        file.mkdir()
    elif edit == "link":
        file.symlink_to("elsewhere")
    elif edit == "pipe":
        os.mkfifo(file)
    before = there(file)
    done = work.restore(0)
    assert (done.restored, done.conflicts) == ([], ["a"])
    assert there(file) == before
    forced = work.restore(0, force=True)
    if edit == "folder":
        assert list(forced.failed) == ["a"]
    else:
        assert forced.restored == ["a"]
        assert (file.is_symlink(), file.read_text()) == (False, "old")
    assert not (work.folder / "elsewhere").exists()


async def test_what_somebody_else_changed_between_two_changes_is_left_alone(work: Any) -> None:
    def mine() -> None:
        (work.folder / "a").write_text("mine")

    await work.turns([write("a", "one")], [mine, read("a"), write("a", "two")])
    assert work.restore(0).conflicts == ["a"]
    assert work.restore(1).restored == ["a"]
    assert (work.folder / "a").read_text() == "mine"


async def test_what_a_crash_left_unknown_is_left_alone(work: Any) -> None:
    (work.folder / "a").write_text("old")
    await work.turns([read("a"), write("a", "new")])
    work.book.stored = [e for e in work.book.stored if e.kind != "files_changed"]
    done = work.restore(0)
    assert (done.conflicts, (work.folder / "a").read_text()) == (["a"], "new")


async def test_what_a_program_changed_is_named(work: Any) -> None:
    (work.folder / "a").write_text("a")
    await work.turns([bash("echo more >> a; echo b > b")])
    before = work.tree()
    assert work.restore(0).unknown == ["a", "b"]
    assert work.tree() == before


async def test_a_program_that_formats_the_sessions_files_stands_in_no_ones_way(work: Any) -> None:
    (work.folder / ".gitignore").write_text("made/")
    await work.turns([write("a", "one"), write("made/b", "two")], [bash("tr a-z A-Z < a > x; mv x a; rm made/b")])
    assert work.restore(1).restored == ["a", "made/b"]
    assert (work.folder / "a").read_text() == "one"


async def test_a_kept_workspace_comes_back_from_what_programs_did(work: Any) -> None:
    work.settings = {"keep": "workspace"}
    (work.folder / "src").mkdir()
    for name in "a", "b", "src/c":
        (work.folder / name).write_text(name)
    (work.folder / "b").chmod(0o755)
    os.utime(work.folder / "src" / "c", (1, 1))
    before = work.tree()
    await work.turns(
        [bash("echo more >> a; rm b; mv src moved; mkdir -p x/y; echo z > x/y/z")],
        [bash("rm a; mkdir a; echo in > a/in; rm -r x moved")],
        [bash("rm -r a; chmod 600 .; mkdir -p src; echo d > src/d")],
    )
    third = work.restore(2, dry_run=True)
    assert (third.restored, third.removed) == (["a/in"], ["src/d"])
    work.restore(0)
    assert work.tree() == before


async def test_a_file_that_was_moved_from_out_of_sight_is_not_removed(work: Any) -> None:
    work.settings = {"keep": "workspace"}
    (work.folder / ".gitignore").write_text(".env\n")
    (work.folder / ".env").write_text("precious")
    os.utime(work.folder / ".env", (1, 1))
    await work.turns([bash("mv .env env.txt; ln -s a link"), bash("rm link; echo x > link")])
    done = work.restore(0)
    assert (done.removed, done.unknown) == ([], ["env.txt", "link"])
    assert (work.folder / "env.txt").read_text() == "precious"


async def test_a_file_that_was_moved_within_sight_goes_back(work: Any) -> None:
    work.settings = {"keep": "workspace"}
    (work.folder / "a").write_text("a")
    os.utime(work.folder / "a", (1, 1))
    before = work.tree()
    await work.turns([bash("mkdir d; mv a d/b")])
    assert work.restore(0).removed == ["d/b"]
    assert work.tree() == before


async def test_a_link_that_a_program_put_in_a_files_place_is_left_alone(work: Any) -> None:
    work.settings = {"keep": "workspace"}
    (work.folder / "a").write_text("a")
    await work.turns([bash("ln -sf b a")])
    assert work.restore(0).conflicts == ["a"]
    assert (work.folder / "a").is_symlink()
    assert work.restore(0, force=True).restored == ["a"]
    assert work.tree() == {"a": (0o644, b"a")}


async def test_what_a_changed_gitignore_shows_is_not_taken_for_new(work: Any) -> None:
    work.settings = {"keep": "workspace"}
    (work.folder / ".gitignore").write_text("*.log\n")
    (work.folder / "x.log").write_text("mine")
    await work.turns([bash("rm .gitignore"), bash("true")])
    assert work.restore(0).restored == [".gitignore"]
    assert (work.folder / "x.log").read_text() == "mine"


async def test_no_link_leads_out_of_the_folder(work: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("theirs")
    (work.folder / "link").symlink_to(outside / "a")
    (work.folder / "way").symlink_to(outside)
    calls = [("put", {"path": path, "data": "00"}) for path in ("link", "way/b", "../outside/c", str(outside / "d"))]
    await work.turns(calls, tools=[put])
    assert work.book.bodies("file_kept") == []
    done = work.restore(0, force=True)
    assert done.unknown == [str(outside / name) for name in "abcd"]
    assert (outside / "a").read_bytes() == b"\0"


async def test_a_folder_that_became_a_link_is_not_written_through(work: Any, tmp_path: Path) -> None:
    await work.turns([write("sub/a", "one"), write("sub/b", "b")], [write("sub/a", "two")])
    (work.folder / "sub").rename(tmp_path / "outside")
    (work.folder / "sub").symlink_to(tmp_path / "outside")
    for turn in 0, 1:
        for force in False, True:
            work.restore(turn, force=force)
    assert (tmp_path / "outside" / "a").read_text() == "two"
    assert (tmp_path / "outside" / "b").exists()


@pytest.mark.parametrize("path", ["../x", "/tmp/kt-checkpoints-x", "a/../../x", "", "a//b", "./x", "a\0b"])
async def test_a_session_that_was_tampered_with_writes_nowhere_else(work: Any, path: str) -> None:
    await work.turns([write("a", "x")])
    (kept,) = work.book.bodies("file_kept")
    (told,) = work.book.bodies("files_changed")
    data = b"evil"
    kept.update(path=path, data=b64encode(data).decode(), mode=0o644, state=state_of(data, 0o644))
    told["paths"] = {path: "?"}
    assert work.restore(0, force=True).unknown == [path]
    assert sorted(p.name for p in work.folder.parent.rglob("*")) == ["a", "work"]


async def test_content_that_is_not_what_was_kept_is_not_written(work: Any) -> None:
    (work.folder / "a").write_text("a secret")
    await work.turns([read("a"), write("a", "new")])
    (kept,) = work.book.bodies("file_kept")
    kept["data"] = b64encode(b"a [redacted]").decode()
    assert work.restore(0).unknown == ["a"]
    assert (work.folder / "a").read_text() == "new"


async def test_a_file_that_cannot_be_read_is_no_error(plain_user: Path, make_work: Callable[..., Any]) -> None:
    work = make_work(plain_user)
    work.settings = {"keep": "workspace"}
    (plain_user / "a").write_text("x")
    (plain_user / "shut").mkdir()
    (plain_user / "shut" / "b").write_text("b")
    (plain_user / "a").chmod(0)
    (plain_user / "shut").chmod(0)
    await work.turns([write("c", "c"), write("a", "y"), bash("chmod 755 shut")])
    (plain_user / "a").chmod(0o644)
    done = work.restore(0)
    assert done.removed == ["c"]
    assert ((plain_user / "a").read_text(), (plain_user / "shut" / "b").read_text()) == ("x", "b")


async def test_what_the_system_refuses_is_told_and_the_rest_goes_on(
    plain_user: Path, make_work: Callable[..., Any]
) -> None:
    work = make_work(plain_user)
    (plain_user / "shut").mkdir()
    await work.turns([write("shut/a", "one"), write("b", "one")])
    (plain_user / "shut").chmod(0o555)
    done = work.restore(0)
    (plain_user / "shut").chmod(0o755)
    assert (done.removed, done.failed) == (["b"], {"shut/a": "Permission denied"})


async def test_a_turn_or_agent_that_is_not_there_is_an_error(work: Any) -> None:
    await work.turns([write("a", "x")])
    with pytest.raises(NotFound, match="no turn 7"):
        work.restore(7)
    with pytest.raises(NotFound, match="no agent 'nobody'"):
        work.restore(0, stream="nobody")


async def test_an_interrupted_turn_ends_where_the_next_begins(work: Any) -> None:
    await work.turns([write("a", "one")], [write("a", "two")])
    work.book.stored = [e for e in work.book.stored if (e.kind, e.body.get("turn")) != ("turn_ended", 1)]
    for id, event in enumerate(work.book.stored, 1):
        event.id = id
    work.restore(1)
    assert (work.folder / "a").read_text() == "one"


async def test_the_changes_of_sub_agents_go_with_those_of_their_agent(work: Any) -> None:
    await work.turns([write("a", "one")])
    (work.folder / "sub").mkdir()
    main, main_log = work.folder, work.log
    work.folder, work.log = main / "sub", work.book.log("helper", parent=1)
    await work.turns([write("b", "helper")])
    work.folder, work.log = main, work.book.log("stranger")
    await work.turns([write("c", "stranger")])
    work.log = main_log
    assert work.restore(0).removed == ["a", "sub/b"]
    assert work.tree() == {"c": (0o644, b"stranger"), "sub": None}
