"""apply_patch, called as a model calls it, and the law of its format: a patch of two texts makes one of the other."""

import difflib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import ToolRecord
from kt.errors import DataError
from kt.testing import running
from kt_builtin_tools._hunks import patched
from kt_builtin_tools._v4a import parse

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]

CODE = "class A:\n    def f(self):\n        return 1\n\n\nclass B:\n    def f(self):\n        return 1\n"


def patch(*lines: str) -> str:
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


def apply(*lines: str) -> tuple[str, dict[str, Any]]:
    return "apply_patch", {"patch": patch(*lines)}


def read(path: str) -> tuple[str, dict[str, Any]]:
    return "read", {"path": path}


def update(text: str, *lines: str) -> str:
    """Return the text after an update with these lines."""
    (section,) = parse(patch("*** Update File: x", *lines))
    return patched(text, section.hunks)


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


async def test_a_patch_adds_updates_moves_and_deletes(play: Play, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "old").write_text("one\ntwo\n")
    (tmp_path / "gone").write_text("x")
    *_, done = await play(
        read("code.py"),
        read("old"),
        read("gone"),
        apply(
            *("*** Add File: new/deep.txt", "+hello", "+"),
            *("*** Update File: code.py", "@@ class B:", "     def f(self):", "-        return 1", "+        return 2"),
            *("*** Update File: old", "*** Move to: sub/name", "@@", " one", "-two", "+2"),
            "*** Delete File: gone",
        ),
    )
    assert done.error is None
    assert done.result is not None
    assert done.result.splitlines() == [
        "created new/deep.txt (2 lines)",
        *("edited code.py", "@@ -6,3 +6,3 @@", " class B:", "     def f(self):", "-        return 1"),
        *("+        return 2", "moved old to sub/name", "@@ -1,2 +1,2 @@", " one", "-two", "+2", "deleted gone"),
    ]
    assert files(tmp_path) == {"new/deep.txt": "hello\n\n", "code.py": CODE[:-2] + "2\n", "sub/name": "one\n2\n"}


async def test_what_a_patch_wrote_counts_as_read(play: Play, tmp_path: Path) -> None:
    *_, edited, deleted = await play(
        apply("*** Add File: a", "+1"),
        apply("*** Update File: a", "*** Move to: b", "-1", "+2"),
        ("edit", {"path": "b", "old": "2", "new": "3"}),
        apply("*** Delete File: b"),
    )
    assert edited.error is None
    assert deleted.result == "deleted b"
    assert files(tmp_path) == {}


async def test_sections_of_one_file_see_what_those_before_did(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "link").symlink_to("a")
    *_, done = await play(
        read("a"),
        apply(
            *("*** Update File: a", "-1", "+2", "*** Update File: ./link", "-2", "+3"),
            *("*** Add File: c", "+c", "*** Delete File: c", "*** Add File: c", "+again"),
        ),
    )
    assert done.error is None
    assert (tmp_path / "a").read_text() == "3\n"
    assert (tmp_path / "c").read_text() == "again\n"


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["*** Update File: b", "-2", "+3"], "'b' was not read in this conversation (read it first)"),
        (["*** Delete File: b"], "'b' was not read in this conversation (read it first)"),
        (["*** Update File: none", "-2", "+3"], "'none' does not exist (known: a, b, bin, folder)"),
        (["*** Add File: b", "+x"], "'b' exists already (update it)"),
        (["*** Add File: folder", "+x"], "'folder' exists already (update it)"),
        (["*** Add File: b/c/d", "+x"], "'b' is a file, so 'b/c/d' cannot be"),
        (["*** Add File: ../out", "+x"], "denied: '../out' is outside the working folder"),
        (["*** Update File: a", "*** Move to: b"], "'a' was moved or deleted earlier in the patch"),
        (["*** Delete File: folder"], "'folder' is a folder (list it with tree)"),
        (["*** Update File: bin", "-2", "+3"], "'bin' is a binary file (use bash)"),
        (["*** Delete File: a"], "'a' was moved or deleted earlier in the patch"),
        (
            ["*** Update File: c", "-2", "+3"],
            "the lines of the hunk at line 9 of the patch are not in the file: '2' is not (c)",
        ),
    ],
)
async def test_one_section_that_does_not_fit_stops_the_whole_patch(
    play: Play, tmp_path: Path, lines: list[str], error: str
) -> None:
    before = {"a": "1\n", "b": "2\n", "bin": "a\0b"}
    for name, text in before.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()
    *_, done = await play(
        read("a"), apply("*** Add File: c", "+c", "*** Update File: a", "-1", "+2", "*** Delete File: a", *lines)
    )
    assert done.error == error
    assert files(tmp_path) == before


async def test_a_file_that_changed_on_disk_is_left_alone(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    *_, done = await play(
        read("a"), lambda: (tmp_path / "a").write_text("2\n"), apply("*** Update File: a", "-2", "+3")
    )
    assert done.error == "'a' changed on disk since it was read (read it again)"
    assert (tmp_path / "a").read_text() == "2\n"


async def test_a_write_that_fails_takes_the_others_back(plain_user: Path) -> None:
    (plain_user / "a").write_text("1\n")
    (plain_user / "locked").mkdir(mode=0o555)
    script = [
        [read("a")],
        [apply("*** Add File: n", "+n", "*** Update File: a", "-1", "+2", "*** Add File: locked/x", "+x")],
        "done",
    ]
    async with running(script, tools=["read", "apply_patch"], pwd=plain_user, unguarded=True) as agent:
        done = (await agent.run("go")).tool_calls[-1]
    assert done.error == "'locked/x': permission denied"
    assert files(plain_user) == {"a": "1\n"}


async def test_the_diffs_of_a_long_patch_are_bounded(play: Play, tmp_path: Path) -> None:
    names = [f"f{n}" for n in range(20)]
    for name in names:
        (tmp_path / name).write_text("x" * 250 + "\n" + "y\n" * 10)
    lines = [line for name in names for line in (f"*** Update File: {name}", *["-y", "+" + "z" * 250] * 10)]
    *_, done = await play(*map(read, names), apply(*lines))
    assert done.result is not None
    assert len(done.result) < 25_000
    assert done.result.endswith("edited f18\nedited f19")


@pytest.mark.parametrize(
    ("before", "lines", "after"),
    [
        pytest.param("a\nb\n", ["@@", "-b", "+c"], "a\nc\n", id="no anchor"),
        pytest.param("a\nb\n", ["-b", "+c"], "a\nc\n", id="no @@"),
        pytest.param("a\nb\n", ["@@ -2,1 +2,1 @@", "-b", "+c"], "a\nc\n", id="line numbers are ignored"),
        pytest.param("x \n\ty\n", [" x", "-\ty", "+z"], "x \nz\n", id="trailing white space"),
        pytest.param("\tx\n\ty\n", [" x", "-y", "+\tz"], "\tx\n\tz\n", id="all white space; context stays"),
        pytest.param(" b\nb\n", ["-b", "+c"], " b\nc\n", id="exact goes before similar"),
        pytest.param("a\n\nb\n", [" a", "", "-b", "+c"], "a\n\nc\n", id="an empty line is context"),
        pytest.param("a\nb\n", ["-b", "+c", "", ""], "a\nc\n", id="empty lines at the end are none"),
        pytest.param("a\r\nb\r\n", ["-b", "+c", "+d"], "a\r\nc\r\nd\r\n", id="crlf"),
        pytest.param("a\nb\r\nc\n", [" b", "+x"], "a\nb\r\nx\r\nc\n", id="mixed line ends"),
        pytest.param("a\nb", ["-b", "+c", "+d"], "a\nc\nd", id="no final newline"),
        pytest.param("a\r\nb", [" b", "+c"], "a\r\nb\r\nc", id="no final newline, crlf"),
        pytest.param("a\nb", ["-b"], "a", id="the last line goes"),
        pytest.param("a", ["-a"], "", id="all goes"),
        pytest.param("", ["+a"], "a\n", id="into an empty file"),
        pytest.param("a\n", ["+b", "*** End of File"], "a\nb\n", id="at the end"),
        pytest.param("b\na\nb\n", ["-b", "+c", "*** End of File"], "b\na\nc\n", id="the one at the end"),
        pytest.param("\ufeffa\n", ["-a", "+b"], "\ufeffb\n", id="byte order mark"),
        pytest.param("a\rb\nc\n", ["-c", "+d"], "a\rb\nd\n", id="a lone carriage return is no line end"),
        pytest.param("a\nb\r", ["-a"], "b\r", id="nor is it at the end"),
        pytest.param("a\x0cb\nc\n", ["-c", "+d"], "a\x0cb\nd\n", id="nor is a form feed"),
        pytest.param("caf\udce9\nc\n", ["-c", "+d"], "caf\udce9\nd\n", id="bytes that are no UTF-8"),
        pytest.param("1\n2\n1\n", ["-1", "+x", " 2", "@@", "-1", "+y"], "x\n2\ny\n", id="hunks go downwards"),
        pytest.param("f\n 1\ng\n 1\n", ["@@ g", "- 1", "+ 2"], "f\n 1\ng\n 2\n", id="below an anchor"),
        pytest.param("f\n 1\ng\n 1\n", ["@@ f", "- 1", "+ 2"], "f\n 2\ng\n 1\n", id="next to a unique anchor"),
        pytest.param("f\n 1\ng\n 1\n", ["@@ f", " f", "- 1", "+ 2"], "f\n 2\ng\n 1\n", id="anchor repeated"),
        pytest.param("def f():\n 1\n", ["@@ def f", "- 1", "+ 2"], "def f():\n 2\n", id="part of a line"),
        pytest.param("f\ng\n", ["@@ f", "+x"], "f\nx\ng\n", id="insertion below an anchor"),
        pytest.param(
            "f\n1\n2\n1\n2\n", ["@@ f", "-1", "+x", "@@ f", " 1", "-2", "+y"], "f\nx\n2\n1\ny\n", id="anchor used twice"
        ),
        pytest.param(
            CODE, ["@@ class B:", "@@ def f(self):", "- return 1", "+        pass"], CODE[:-9] + "pass\n", id="two"
        ),
    ],
)
def test_an_update_finds_its_place_and_keeps_the_rest(before: str, lines: list[str], after: str) -> None:
    assert update(before, *lines) == after


@pytest.mark.parametrize(
    ("before", "lines", "error"),
    [
        (
            "1\n1\n",
            ["-1", "+2"],
            "the lines of the hunk at line 3 of the patch are in the file more than once (lines 1, 2)",
        ),
        (
            "f\n1\nf\n1\n",
            ["@@ f", "-1"],
            "the lines of the hunk at line 3 of the patch are in the file more than once (lines 2, 4)",
        ),
        (
            "f\n0\n1\n1\n",
            ["@@ f", "-1"],
            "the lines of the hunk at line 3 of the patch are in the file more than once (lines 3, 4)",
        ),
        ("a\n", ["@@ b", "-a"], "the line of '@@ b' is not in the file (line 3 of the patch)"),
        ("a\nb\n", ["-a", "-c"], "the lines of the hunk at line 3 of the patch are not in the file: 'c' is not"),
        ("a\nb\n", ["-b", "-a"], "the lines of the hunk at line 3 of the patch are not in the file in this order"),
        (
            "a\nb\n",
            ["-b", "@@", "-a"],
            "the lines of the hunk at line 4 of the patch are not in the file at that place, but at line 1",
        ),
        (
            "a\nb\n",
            ["-a", "*** End of File"],
            "the lines of the hunk at line 3 of the patch are not in the file at that place, but at line 1",
        ),
        ("a\nb\n", ["+c"], "the hunk at line 3 of the patch has no line that says where it belongs"),
        ("f\nf\n", ["@@ f", "+c"], "the hunk at line 3 of the patch has no line that says where it belongs"),
    ],
)
def test_an_update_without_one_place_is_refused(before: str, lines: list[str], error: str) -> None:
    with pytest.raises(DataError) as caught:
        update(before, *lines)
    assert caught.value.what == error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "a patch begins with the line '*** Begin Patch' and ends with '*** End Patch'"),
        (
            "*** Begin Patch\n*** Add File: a",
            "a patch begins with the line '*** Begin Patch' and ends with '*** End Patch'",
        ),
        (patch(), "the patch is empty"),
        (patch("--- a/x", "+++ b/x"), "line 2 of the patch names no file: '--- a/x'"),
        (patch("*** Update File:", "-a"), "line 2 of the patch names no file: '*** Update File:'"),
        (patch("*** Update File: a"), "nothing is to change in 'a'"),
        (patch("*** Update File: a", "@@", " b"), "the hunk at line 3 of the patch changes nothing"),
        (patch("*** Update File: a", "b"), "line 3 of the patch must begin with ' ' or '-' or '+': 'b'"),
        (patch("*** Add File: a", "+b", "c"), "line 4 of the patch must begin with '+': 'c'"),
        (patch("*** Delete File: a", "-b"), "line 3 of the patch follows a deletion: '-b'"),
    ],
)
def test_what_is_no_patch_is_refused_with_the_line(text: str, error: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(text)
    assert caught.value.what == error


def test_line_ends_and_blank_lines_around_sections_do_not_matter() -> None:
    text = patch("", "*** Add File: a", "+1", "", "*** Delete File: b").replace("\n", "\r\n")
    assert [(s.kind, s.path, s.text) for s in parse(f"\n{text}\n")] == [("add", "a", "1\n"), ("delete", "b", "")]


LINES = st.lists(st.sampled_from(["a", "b", " a", "a ", "", "\tb", "*** x", "@@", "+", "-"]), max_size=12)


@given(before=LINES, after=LINES, context=st.integers(0, 3))
def test_the_patch_of_two_texts_makes_one_of_the_other_or_is_refused(
    before: list[str], after: list[str], context: int
) -> None:
    old, new = ("".join(f"{line}\n" for line in lines) for lines in (before, after))
    diff = list(difflib.unified_diff(before, after, lineterm="", n=context))[2:]
    made, refused = outcome(old, diff) if diff else (new, "")
    assert made == new or "more than once" in refused or "no line that says where" in refused


def outcome(text: str, lines: list[str]) -> tuple[str, str]:
    """Return the updated text, or why there is none."""
    try:
        return update(text, *lines), ""
    except DataError as error:
        return "", error.what
