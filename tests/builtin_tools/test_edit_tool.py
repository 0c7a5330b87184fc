"""edit, called as a model calls it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]


def read(path: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "read", {"path": path, **more}


def edit(path: str, old: str, new: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "edit", {"path": path, "old": old, "new": new, **more}


async def test_edit_replaces_and_shows_a_diff(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"{n}\n" for n in range(1, 21)))
    *_, done = await play(read("a"), edit("a", "10\n11", "ten\n11"))
    assert done.result == "edited a: 1 place\n@@ -8,5 +8,5 @@\n 8\n 9\n-10\n+ten\n 11\n 12"
    assert (tmp_path / "a").read_text().split()[8:11] == ["9", "ten", "11"]


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        (b"a\r\nb\r\nc", "a\nb", "a\nx\nb", b"a\r\nx\r\nb\r\nc"),
        (b"a\r\nb\r\nc", "b", "b\nx", b"a\r\nb\r\nx\r\nc"),
        (b"a\r\nb\r\n", "a\r\nb", "b", b"b\r\n"),
        (b"a\nb\nc\r\nd\r\n", "c\nd", "c\nx", b"a\nb\nc\r\nx\r\n"),
        (b"a\r\nb\r\nc\nd\n", "c\nd", "c\nx", b"a\r\nb\r\nc\nx\n"),
        (b"caf\xe9 one\n", "one", "two", b"caf\xe9 two\n"),
        (b"\xef\xbb\xbfone\n", "one", "two", b"\xef\xbb\xbftwo\n"),
        (b"no end", "no", "an", b"an end"),
        ("✓✓".encode(), "✓✓", "é", "é".encode()),
    ],
)
async def test_edit_keeps_every_byte_it_does_not_name(
    play: Play, tmp_path: Path, before: bytes, old: str, new: str, after: bytes
) -> None:
    (tmp_path / "a").write_bytes(before)
    *_, done = await play(read("a"), edit("a", old, new))
    assert done.error is None
    assert (tmp_path / "a").read_bytes() == after


async def test_edits_are_done_in_order_all_or_none(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one two one")
    good = [{"old": "two", "new": "one"}, {"old": "one", "new": "x", "replace_all": True}]
    bad = [{"old": "x", "new": "y", "replace_all": True}, {"old": "one", "new": "z"}]
    _, done, failed = await play(
        read("a"), ("edit", {"path": "a", "edits": good}), ("edit", {"path": "a", "edits": bad})
    )
    assert done.result is not None
    assert done.result.startswith("edited a: 4 places\n")
    assert failed.error == "edit 2: old is not in the file (read the file again)"
    assert (tmp_path / "a").read_text() == "x x x"


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("alpha", "x", "old is in the file 2 times (lines 1, 3) (add lines around it, or set replace_all)"),
        ("", "x", "old is empty (give the text to replace; use write for a new file)"),
        ("beta", "beta", "old and new are the same"),
        ("beta\r\n", "beta\n", "old and new are the same"),
        ("gone", "\tbeta()\nalpha", "old is not in the file (new is there already)"),
        ("gone", "beta()", "old is not in the file (read the file again)"),
        ("  beta()", "x", "old is not in the file (line 2 begins it, but its white space differs: '\\tbeta()')"),
        ("\tbeta()\nzeta", "x", "old is not in the file (line 2 begins it, but what follows differs: '\\tbeta()')"),
        ("2\t\tbeta()", "x", "old is not in the file (leave out the line numbers that read shows)"),
        ("bet4()", "x", "old is not in the file (the nearest line is 2: '\\tbeta()')"),
        ("\n\n\n", "x", "old is not in the file (read the file again)"),
    ],
)
async def test_edit_says_why_it_cannot_and_what_helps(
    play: Play, tmp_path: Path, old: str, new: str, hint: str
) -> None:
    (tmp_path / "a").write_text("alpha\n\tbeta()\nalpha\n")
    *_, done = await play(read("a"), edit("a", old, new))
    assert done.error == hint
    assert (tmp_path / "a").read_text() == "alpha\n\tbeta()\nalpha\n"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"old": "x"}, {"new": "x"}, {"edits": []}, {"old": "a", "new": "b", "edits": [{"old": "a", "new": "b"}]}],
)
async def test_edit_takes_one_form_of_arguments(play: Play, tmp_path: Path, arguments: dict[str, Any]) -> None:
    (tmp_path / "a").write_text("a")
    *_, done = await play(read("a"), ("edit", {"path": "a", **arguments}))
    assert done.error == "give either old and new, or edits"


async def test_edit_names_a_missing_and_a_binary_file(play: Play, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"a\0b")
    missing, binary = await play(edit("none", "a", "b"), edit("binary", "a", "b"))
    assert missing.error == "'none' does not exist (known: binary)"
    assert binary.error == "'binary' is a binary file"


async def test_the_diff_of_a_large_change_is_bounded(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n" * 1000)
    (tmp_path / "b").write_text("x\n" * 5000)
    _, _, some, many = await play(
        read("a"), read("b"), edit("a", "x", "y", replace_all=True), edit("b", "x", "y", replace_all=True)
    )
    assert some.result is not None
    assert len(some.result.splitlines()) == 62
    assert some.result.endswith("more lines]")
    assert many.result == "edited b: 5000 places\n[5000 lines became 5000; too many changes to show]"
