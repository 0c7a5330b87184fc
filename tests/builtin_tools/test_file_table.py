"""What the file tools do with odd files, names and states: each row is played, then the bytes on disk are looked at."""

import os
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord
from kt.testing import running

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]
Call = tuple[str, dict[str, Any]]
Step = Call | Callable[[Path], object]


def read(path: str, **more: Any) -> Call:
    return "read", {"path": path, **more}


def write(path: str, content: str) -> Call:
    return "write", {"path": path, "content": content}


def edit(path: str, old: str, new: str, **more: Any) -> Call:
    return "edit", {"path": path, "old": old, "new": new, **more}


def edits(*pairs: tuple[str, str]) -> Call:
    return "edit", {"path": "a", "edits": [{"old": old, "new": new} for old, new in pairs]}


def patch(*lines: str) -> Call:
    return "apply_patch", {"patch": "\n".join(["*** Begin Patch", *lines, "*** End Patch"])}


def update(path: str, old: str, new: str) -> Call:
    return patch(f"*** Update File: {path}", f"-{old}", f"+{new}")


def glob(pattern: str, **more: Any) -> Call:
    return "glob", {"pattern": pattern, **more}


def tree(**more: Any) -> Call:
    return "tree", more


def delete(path: str) -> Call:
    return patch(f"*** Delete File: {path}")


def move(path: str, to: str) -> Call:
    return patch(f"*** Update File: {path}", f"*** Move to: {to}")


def put(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def link(name: str, target: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to(target)


def hard(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).hardlink_to(folder / "a")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "a")


def circle(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")


def way_out(folder: Path) -> None:
    """Make "a" a link to a file next to the working folder."""
    other = folder.with_name(folder.name + "-outside")
    other.write_bytes(b"x")
    (folder / "a").symlink_to(other)


@dataclass(slots=True)
class Row:
    """Steps on files; what the last call says (`ok`: its result, else its error), and the bytes then on disk."""

    name: str
    files: dict[str, bytes]
    steps: tuple[Step, ...]
    says: str
    disk: dict[str, bytes | None] = field(default_factory=dict)
    ok: bool = True


def shows(name: str, data: bytes, says: str, **more: Any) -> Row:
    """Return a row that reads a file."""
    return Row(name, {"a": data}, (read("a", **more),), says, {"a": data})


def makes(name: str, before: bytes, call: Call, after: bytes) -> Row:
    """Return a row that changes a file that was read."""
    return Row(name, {"a": before}, (read("a"), call), "", {"a": after})


def stays(name: str, data: bytes, call: Call, says: str) -> Row:
    """Return a row whose call on a file that was read is refused."""
    return Row(name, {"a": data}, (read("a"), call), says, {"a": data}, ok=False)


def fails(name: str, files: dict[str, bytes], *steps: Step, says: str) -> Row:
    """Return a row whose last call is refused and leaves all files as they were."""
    return Row(name, files, steps, says, dict(files), ok=False)


def each(what: str, make: Step, says: str, disk: dict[str, bytes | None], calls: Sequence[Call]) -> list[Row]:
    """Return a row for each call, refused on what `make` puts there."""
    return [Row(f"{c[0]} {n}: {what}", {}, (make, c), says, disk, ok=False) for n, c in enumerate(calls)]


NFC, NFD = (unicodedata.normalize(form, "\u00e9.txt") for form in ("NFC", "NFD"))
BINARY = b"\x00\x01\x02"
HUGE = b"x\n" * 2_600_000
OUT = "is outside the working folder"
CIRCLE = "link"
STALE = "'a' changed on disk since it was read"
TWO = {"a": b"x", "b": b"y"}
SWAP = "*** Update File: a|*** Move to: t|*** Update File: b|*** Move to: a|*** Update File: t|*** Move to: b"
CHANGES = [write("a", "y"), edit("a", "x", "y"), update("a", "x", "y"), delete("a"), move("a", "b")]
CALLS = [read("a"), *CHANGES]
HALVES = [write("a", "\ud800"), edit("a", "x", "\ud800"), update("a", "x", "\ud800")]

BYTES = [
    shows("crlf", b"x\r\ny\r\n", "1\tx\n2\ty"),
    shows("mixed line ends", b"x\r\ny\nz", "1\tx\n2\ty\n3\tz"),
    shows("a lone carriage return", b"x\ry\n", "1\tx\ry"),
    shows("a byte order mark", b"\xef\xbb\xbfx\n", "1\tx"),
    shows("latin-1", b"caf\xe9\n", "1\tcaf\ufffd"),
    shows("no final newline", b"x", "1\tx"),
    shows("an empty file", b"", "(the file is empty)"),
    shows("only newlines", b"\n\n", "1\t\n2\t"),
    shows("a huge line", b"x" * 100_000, "[... 98,000 more characters]"),
    shows("the end of a long file", b"x\n" * 9_000, "9000\tx", offset=9_000),
    shows("NUL far from the start", b"x" * 9_000 + b"\n\0y\n", "2\t\0y", offset=2),
    *each("binary", put("a", BINARY), "'a' ", {"a": BINARY}, CALLS),
    *each("huge", put("a", HUGE), "'a' is too large (5 MB)", {"a": HUGE}, CALLS),
    fails("utf-16", {"a": "hi".encode("utf-16")}, read("a"), says="'a' is a binary file"),
    fails("beyond the end", {"a": b"x\n"}, read("a", offset=3), says="'a' has only 1 lines"),
    Row("write crlf", {}, (write("a", "x\r\ny"),), "created a (2 lines)", {"a": b"x\r\ny"}),
    Row("write nothing", {}, (write("a", ""),), "created a (0 lines)", {"a": b""}),
    Row("add nothing", {}, (patch("*** Add File: a"),), "created a (0 lines)", {"a": b""}),
    makes("write over crlf", b"x\r\n", write("a", "y\n"), b"y\n"),
    makes("edit crlf", b"x\r\ny\r\n", edit("a", "x\ny", "x\nz"), b"x\r\nz\r\n"),
    makes("edit mixed line ends", b"x\r\ny\nz\n", edit("a", "y\nz", "y"), b"x\r\ny\n"),
    makes("edit latin-1", b"\xe9 x", edit("a", "x", "y"), b"\xe9 y"),
    makes("edit after a byte order mark", b"\xef\xbb\xbfx", edit("a", "x", "y"), b"\xef\xbb\xbfy"),
    makes("edit no final newline", b"x\ny", edit("a", "y", "z"), b"x\nz"),
    makes("edit a huge line", b"x" * 90_000 + b"y", edit("a", "xy", "z"), b"x" * 89_999 + b"z"),
    makes("patch crlf", b"x\r\ny\r\n", update("a", "y", "z"), b"x\r\nz\r\n"),
    makes("patch mixed line ends", b"x\r\ny\nz\r\n", update("a", "y", "w"), b"x\r\nw\nz\r\n"),
    makes("patch latin-1", b"\xe9\nx\n", update("a", "x", "y"), b"\xe9\ny\n"),
    makes("patch after a byte order mark", b"\xef\xbb\xbfx\n", update("a", "x", "y"), b"\xef\xbb\xbfy\n"),
    makes("patch no final newline", b"x", update("a", "x", "y"), b"y"),
    makes("patch an empty file", b"", patch("*** Update File: a", "+x"), b"x\n"),
    makes("patch a huge line", b"x" * 90_000 + b"\ny\n", update("a", "y", "z"), b"x" * 90_000 + b"\nz\n"),
    stays("edit an empty file", b"", edit("a", "x", "y"), "old is not in the file"),
    *(stays(f"{c[0]} half a character", b"x", c, "invalid arguments") for c in HALVES),
]

STATES = [
    *each("never read", put("a", b"x"), "'a' was not read in this conversation", {"a": b"x"}, CHANGES),
    *(
        Row(f"stale {n}", {"a": b"z"}, (read("a"), put("a", b"x"), CHANGES[n]), STALE, {"a": b"x"}, False)
        for n in range(5)
    ),
    Row("edit gone", TWO, (read("b"), move("b", "c"), edit("b", "y", "z")), "not exist", {"c": b"y"}, ok=False),
    Row("write gone", TWO, (read("a"), delete("a"), write("a", "z")), "created a", {"a": b"z", "b": b"y"}),
    Row("touched", {"a": b"x"}, (read("a"), put("a", b"x"), edit("a", "x", "y")), "1 place", {"a": b"y"}),
    Row("edit twice", {"a": b"x"}, (read("a"), edit("a", "x", "y"), edit("a", "y", "z")), "1 place", {"a": b"z"}),
    Row("patch, edit", {"a": b"x"}, (read("a"), update("a", "x", "y"), edit("a", "y", "z")), "1 place", {"a": b"z"}),
    Row("write, patch", {}, (write("a", "x"), update("a", "x", "y")), "edited a", {"a": b"y"}),
    Row("a part is enough", {"a": b"x\ny"}, (read("a", limit=1), edit("a", "y", "z")), "1 place", {"a": b"x\nz"}),
    makes("replace all", b"x x", edit("a", "x", "xx", replace_all=True), b"xx xx"),
    makes("edits in order", b"a", edits(("a", "b"), ("b", "c")), b"c"),
    stays("edits all or none", b"a b", edits(("a", "1"), ("x", "2")), "edit 2: old is not in the file"),
    stays("edits that overlap", b"abc", edits(("ab", "x"), ("bc", "y")), "edit 2: old is not in the file"),
    stays("edit not found", b"abc", edit("a", "x", "y"), "old is not in the file"),
    stays("edit found twice", b"x x", edit("a", "x", "y"), "old is in the file 2 times (lines 1, 1)"),
    stays("edit to the same", b"x", edit("a", "x", "x"), "old and new are the same"),
    stays("patch found twice", b"x\nx\n", update("a", "x", "y"), "more than once (lines 1, 2)"),
    stays("patch not found", b"x\n", update("a", "y", "z"), "are not in the file: 'y' is not (a)"),
    stays("patch all or none", b"x\n", patch("*** Delete File: a", "*** Update File: b", "-z"), "'b' does not exist"),
    Row("swap", TWO, (read("a"), read("b"), patch(SWAP.replace("|", "\n"))), "t to b", {"a": b"y", "b": b"x"}),
]

PLACES = [
    *each("a folder", lambda p: (p / "a").mkdir(), "'a' is a folder", {}, CALLS),
    *each("a pipe", pipe, "'a' is no regular file", {}, CALLS),
    *each("a link out", way_out, OUT, {"a": b"x"}, [*CALLS, tree(path="a"), glob("*", path="a")]),
    *each("a circle of links", circle, CIRCLE, {}, [*CALLS, patch("*** Add File: a", "+x"), tree(path="a")]),
    *each("a dangling link", link("a", "b"), "'a' does not exist", {"b": None}, [CALLS[0], *CALLS[2:]]),
    *each("add what is there", put("a", b"x"), "'a' exists already", {"a": b"x"}, [patch("*** Add File: a", "+y")]),
    *each("add over a pipe", pipe, "'a' exists already", {}, [patch("*** Add File: a", "+y")]),
    *each("no folder", put("a", b"x"), "'a' is a file", {"a": b"x"}, [tree(path="a"), glob("*", path="a")]),
    *each("below a file", put("a", b"x"), "'a/b' does not exist", {"a": b"x"}, [read("a/b"), write("a/b", "y")]),
    *each("below a file", put("a", b"x"), "'a' is a file", {"a": b"x"}, [patch("*** Add File: a/b", "+y")]),
    *each("missing", put("ab", b"x"), "'a' does not exist (did you mean ab?)", {"ab": b"x"}, [CALLS[0], *CALLS[2:]]),
    *each("device", put("a", b"x"), OUT, {}, [read("/dev/zero"), write("/dev/null", "x"), edit("/dev/null", "x", "y")]),
    *each("above", put("a", b"x"), OUT, {}, [read("../x"), write("d/../../x", "y"), patch("*** Add File: ../x", "+y")]),
    *each("above", put("a", b"x"), OUT, {}, [glob("*", path=".."), tree(path="/"), write("~/kt-test-x", "y")]),
    stays("move above", b"x", move("a", "../x"), OUT),
    fails("move onto a file", TWO, read("a"), move("a", "b"), says="'b' exists already"),
    Row("tree of a link out", {}, (way_out, tree()), "a -> (outside)"),
    Row("write a dangling link", {}, (link("l", "new"), write("l", "x")), "created l", {"new": b"x", "l": b"x"}),
    Row("read by a link", {"a": b"x"}, (link("l", "a"), read("l"), edit("a", "x", "y")), "1 place", {"l": b"y"}),
    Row("edit by a link", {"a": b"x"}, (link("l", "a"), read("a"), edit("l", "x", "y"), tree()), "l -> a", {"a": b"y"}),
    Row("patch by link", {"a": b"x"}, (link("l", "a"), read("a"), update("l", "x", "y"), tree()), "-> a", {"a": b"y"}),
    Row("delete by a link", {"a": b"x"}, (link("l", "a"), read("l"), delete("l")), "deleted a", {"a": None}),
    Row("by a folder", {"d/a": b"x"}, (link("l", "d"), read("l/a"), edit("d/a", "x", "y")), "1 place", {"d/a": b"y"}),
    Row("a hard link", {"a": b"x"}, (hard("b"), read("a"), edit("a", "x", "y")), "1 place", {"a": b"y", "b": b"x"}),
    Row("there and back", {"d/a": b"x"}, (read("d/../d/./a"), edit("d/a", "x", "y")), "1 place", {"d/a": b"y"}),
    fails("NUL in a name", {}, read("a\0b"), says="is no path"),
    fails("an empty name", {}, write("", "x"), says="is a folder"),
    fails("too long a name", {}, write("n" * 256, "x"), says="File name too long"),
    Row("tree, one name a line", {"a\nb": b"", "c d": b"", "'\"": b""}, (tree(),), '\'"\n"a\\nb"\nc d'),
    Row("glob, one name a line", {"a\nb": b"", "c d": b""}, (glob("*"),), '"a\\nb"\nc d'),
    Row("glob NFC", {NFC: b"", NFD: b""}, (glob(NFC),), NFC),
    Row("NFC is not NFD", {NFC: b"x", NFD: b"x"}, (read(NFC), edit(NFC, "x", "y")), "", {NFC: b"y", NFD: b"x"}),
]

NAMES = [" ", "a b", "a\nb", "'", '"', "-rf", "--", "*", "[a]", "{a,b}", "~", "~x", "$HOME", "`id`", "...", NFC, NFD]
NAMES += ["\u202e", "\\", "%00", "n" * 255, "\u00e9" * 127, "CON", "a:b", "\x1b[2J", "#", "@@"]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("row", [*BYTES, *STATES, *PLACES], ids=lambda row: row.name)
async def test_table(play: Play, tmp_path: Path, row: Row) -> None:
    for name, data in row.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    *before, last = await play(*(partial(step, tmp_path) if callable(step) else step for step in row.steps))
    assert [record.error for record in before] == [None] * len(before)
    said = last.result if row.ok else last.error
    assert row.says in (said or ""), last
    on_disk = {name: (tmp_path / name).read_bytes() if (tmp_path / name).exists() else None for name in row.disk}
    assert on_disk == row.disk
    assert not [name for name in names(tmp_path) if name.endswith(".tmp")]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_every_tool_takes_every_name(play: Play, tmp_path: Path, name: str) -> None:
    records = await play(write(name, "x"), read(name), edit(name, "x", "y"), glob("**"), tree())
    assert [record.error for record in records] == [None] * 5
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"y"
    assert len(str(records[-1].result).splitlines()) == 1


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o777, 0o4755], ids=oct)
@pytest.mark.parametrize("call", CHANGES[:3], ids=lambda c: c[0])
async def test_a_change_keeps_the_mode_but_no_setuid(play: Play, tmp_path: Path, call: Call, mode: int) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(mode)
    *_, done = await play(read("a"), call)
    assert done.error is None
    assert (tmp_path / "a").read_text() == "y"
    assert (tmp_path / "a").stat().st_mode & 0o7777 == mode & 0o777


@pytest.mark.parametrize("call", CHANGES[:3], ids=lambda c: c[0])
async def test_a_file_that_may_only_be_read_stays(plain_user: Path, call: Call) -> None:
    (plain_user / "a").write_text("x")
    (plain_user / "a").chmod(0o444)
    tools = ["read", call[0]]
    async with running([[read("a")], [call], "done"], tools=tools, pwd=plain_user, unguarded=True) as agent:
        done = (await agent.run("go")).tool_calls[-1]
    assert done.error == "'a': permission denied"
    assert (plain_user / "a").read_text() == "x"
