"""The diff of a file: its rows lead from the old text to the new one, whatever they are."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt import ToolCall
from kt.testing import running
from kt_chat.changes import CONTEXT, LARGEST, Watched, compare

LINES = st.lists(st.sampled_from(["a", "b", "", "  c", "long " * 5]), max_size=30)
pytestmark = pytest.mark.anyio


@settings(deadline=None)
@given(LINES, LINES)
def test_the_rows_lead_from_the_old_text_to_the_new_one(old: list[str], new: list[str]) -> None:
    before, after = "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new)
    change = compare("file", before, after)
    if change is None:
        assert old == new
        return
    rows = [row for row in change.rows if row.mark != "~"]
    assert all(old[row.number - 1] == row.text for row in rows if row.mark == "-")
    assert all(new[row.number - 1] == row.text for row in rows if row.mark in " +")
    gone, came = {r.number for r in rows if r.mark == "-"}, {r.number for r in rows if r.mark == "+"}
    kept = [line for number, line in enumerate(old, 1) if number not in gone]
    assert kept == [line for number, line in enumerate(new, 1) if number not in came]
    assert (change.added, change.removed) == (len(came), len(gone))


def test_only_what_is_near_is_shown() -> None:
    lines = [str(n) for n in range(100)]
    change = compare("file", "\n".join(lines), "\n".join([*lines[:50], "new", *lines[50:]]))
    assert change is not None
    assert [(row.mark, row.number) for row in change.rows] == [
        *((" ", n) for n in range(51 - CONTEXT, 51)), ("+", 51), *((" ", n) for n in range(52, 52 + CONTEXT)),
    ]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "verb"), [(None, "a\n", "created"), ("a\n", None, "deleted")])
def test_a_file_comes_and_goes(before: str | None, after: str | None, verb: str) -> None:
    change = compare("file", before, after)
    assert change is not None
    assert (change.verb, change.added + change.removed) == (verb, 1)


async def test_what_a_call_did_is_read_from_the_file(tmp_path: Path) -> None:
    async with running(tools=["write", "edit"], pwd=tmp_path, unguarded=True) as agent:
        watched = Watched(agent)
        call = ToolCall("1", "write", "", {"path": "a.txt", "content": "what the call says"})
        watched.started(call)
        (tmp_path / "a.txt").write_text("what was written\n")
        (change,) = watched.ended(call)
        assert [row.text for row in change.rows] == ["what was written"]
        assert watched.ended(call) == []


async def test_what_is_no_small_text_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    (tmp_path / "binary").write_bytes(b"\0\1")
    (tmp_path / "folder").mkdir()
    async with running(tools=["write"], pwd=tmp_path, unguarded=True) as agent:
        watched = Watched(agent)
        for number, name in enumerate(("pipe", "large", "binary", "folder", "bad\0name", "")):
            call = ToolCall(str(number), "write", "", {"path": name, "content": "x"})
            watched.started(call)
            if name == "binary":
                (tmp_path / name).write_text("now a text\n")
            assert watched.ended(call) == [], name


async def test_a_plugin_tells_what_its_tool_writes(tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch"
    async with running(tools=["apply_patch"], pwd=tmp_path, unguarded=True) as agent:
        watched = Watched(agent)
        call: Any = ToolCall("1", "apply_patch", "", {"patch": patch})
        watched.started(call)
        (tmp_path / "new.txt").write_text("hello\n")
        assert [(c.path, c.verb) for c in watched.ended(call)] == [("new.txt", "created")]
