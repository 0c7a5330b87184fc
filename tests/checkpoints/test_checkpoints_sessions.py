"""Checkpoints in session files: kept, read back by kt.SessionReader, and followed after a resume."""

from pathlib import Path
from typing import Any

import pytest
from kt import SessionReader
from kt.testing import running
from kt_checkpoints.restore import Restored, restore

pytestmark = pytest.mark.anyio
OPEN = {"sandbox": {"backend": "none", "require": "none"}}


async def play(session: Path, pwd: Path, *turns: Any, guards: tuple[str, ...] = ()) -> None:
    """Play turns of calls, each with its answer, in a session that is made or gone on with."""
    steps = [step for turn in turns for step in (*turn, "done")]
    async with running(steps, tools=["read", "write", "bash"], pwd=pwd, session=session,
                       plugins=[OPEN, "checkpoints"], guards=list(guards), unguarded=True) as agent:  # fmt: skip
        for _ in turns:
            assert (await agent.run("go")).ok


def write(path: str, content: str) -> list[Any]:
    return [("write", {"path": path, "content": content})]


def back(session: Path, pwd: Path, turn: int) -> Restored:
    with SessionReader(session) as reader:
        return restore(reader, after_turn=turn, pwd=pwd)


@pytest.fixture
def pwd(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


async def test_files_come_back_from_a_session_file(tmp_path: Path, pwd: Path) -> None:
    session = tmp_path / "s.ktlog"
    (pwd / "a").write_bytes(b"\r\n\xff")
    await play(session, pwd, [[("bash", {"command": "true"})]], [write("b", "1")], [write("b", "2"), write("c/d", "x")])
    done = back(session, pwd, 2)
    assert (done.restored, done.removed) == (["b"], ["c/d"])
    assert (pwd / "a").read_bytes() == b"\r\n\xff"
    assert (pwd / "b").read_text() == "1"
    assert not (pwd / "c").exists()


async def test_a_resumed_session_still_follows_its_files(tmp_path: Path, pwd: Path) -> None:
    session = tmp_path / "s.ktlog"
    await play(session, pwd, [write("a", "one")])
    await play(session, pwd, [[("bash", {"command": "echo two > a"})]])
    assert back(session, pwd, 1).restored == ["a"]
    assert (pwd / "a").read_text() == "one"
    await play(session, pwd, [write("b", "new")])
    assert back(session, pwd, 0).removed == ["b"]  # the session was not told that `a` was restored


async def test_a_session_in_the_working_folder_is_not_its_own_change(pwd: Path) -> None:
    await play(pwd / "s.ktlog", pwd, [[("bash", {"command": "echo x > a"})]])
    with SessionReader(pwd / "s.ktlog") as reader:
        (told,) = reader.events(kinds=["files_changed"])
    assert told.body["paths"] == {"a": "?"}


async def test_a_file_with_a_secret_is_not_brought_back_without_it(
    tmp_path: Path, pwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "correct horse battery")
    (pwd / "a").write_text("password = correct horse battery")
    (pwd / "b").write_text("none")
    session = tmp_path / "s.ktlog"
    await play(session, pwd, [[("read", {"path": "a"}), ("read", {"path": "b"})], write("a", "lost"), write("b", "x")],
               guards=("redact",))  # fmt: skip
    done = back(session, pwd, 0)
    assert (done.restored, done.unknown) == (["b"], ["a"])
    assert (pwd / "a").read_text() == "lost"
    assert b"correct horse battery" not in session.read_bytes()
