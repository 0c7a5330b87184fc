"""grep, by ripgrep and by Python: the same lines, in Python's regular expressions."""

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]
Plant = Callable[[dict[str, str]], None]


def glob(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "glob", {"pattern": pattern, **more}


def grep(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "grep", {"pattern": pattern, **more}


async def test_grep_shows_lines_by_file(play: Play, plant: Plant, engine: str) -> None:
    plant({"b/x.py": "def one():\n    pass\n", "a.py": "x\ndef two():\r\n\ndef three()", "c.md": "def\tfour\n"})
    (done,) = await play(grep(r"def \w+"))
    assert done.result == "a.py\n2:def two():\n4:def three()\nb/x.py\n1:def one():"


async def test_grep_looks_where_it_is_told(play: Play, plant: Plant, engine: str) -> None:
    plant({"a.py": "x", "src/b.py": "x", "src/c.ts": "x", "src/in/d.py": "x"})
    expected: dict[str, dict[str, Any]] = {
        "src/b.py src/c.ts src/in/d.py": {"path": "src"},
        "src/c.ts": {"path": "src/c.ts", "glob": "*.py"},
        "a.py src/b.py src/in/d.py": {"glob": "*.py"},
        "src/in/d.py": {"path": "src", "glob": "in/*"},
    }
    for paths, more in expected.items():
        (done,) = await play(grep("x", **more))
        assert done.result == "\n".join(f"{path}\n1:x" for path in paths.split())


async def test_grep_shows_context_without_repeating_it(play: Play, plant: Plant, engine: str) -> None:
    plant({"a": "".join(f"{n}\n" for n in range(1, 21))})
    one, two = await play(grep("^(5|7|15)$", context=1), grep("^1$|^20$", context=2))
    assert one.result == "a\n4-4\n5:5\n6-6\n7:7\n8-8\n--\n14-14\n15:15\n16-16"
    assert two.result == "a\n1:1\n2-2\n3-3\n--\n18-18\n19-19\n20:20"


@pytest.mark.parametrize("context", [0, 1, 5])
async def test_grep_stops_at_its_limit(play: Play, plant: Plant, engine: str, context: int) -> None:
    plant(dict.fromkeys("abc", "x\ny\nx\ny\nx\n"))
    exact, less = await play(grep("x", limit=9, context=context), grep("x", limit=4, context=context))
    assert exact.result is not None
    assert less.result is not None
    assert exact.result.count(":x") == 9
    assert "only" not in exact.result
    tail = {0: "b\n1:x", 1: "b\n1:x\n2-y", 5: "b\n1:x\n2-y"}[context]
    assert less.result.endswith(f"5:x\n{tail}\n[only the first 4 matches; narrow the search]")


async def test_grep_bounds_long_lines_and_long_results(play: Play, plant: Plant, engine: str) -> None:
    plant({"wide": "x" * 3_000_000 + "\n", "long": ("y" * 300 + "\n") * 1000})
    wide, long = await play(grep("^x"), grep("y", limit=1000))
    assert wide.result == f"wide\n1:{'x' * 500} [... 2,999,500 more characters]"
    assert long.result is not None
    assert len(long.result) < 31_000
    assert long.result.endswith("\n[more was found; narrow the search]")


async def test_grep_ignores_case_only_when_asked(play: Play, plant: Plant, engine: str) -> None:
    plant({"a": "Straße\nSTRASSE\nÉTÉ\n"})
    strict, loose = await play(grep("été"), grep("été|straße", ignore_case=True))
    assert strict.result == "no line matches 'été'"
    assert loose.result == "a\n1:Straße\n3:ÉTÉ"


async def test_grep_passes_over_binaries_links_pipes_and_git(
    play: Play, plant: Plant, tmp_path: Path, engine: str
) -> None:
    plant({"bin": "x\n" * 50_000 + "\0", "text": "x", ".git/x": "x", "mod/.git": "x", "wide": "x\0"})
    (tmp_path / "utf16").write_bytes("\ufeffx".encode("utf-16-le"))
    (tmp_path / "link").symlink_to("text")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "out").symlink_to("/etc")
    os.mkfifo(tmp_path / "fifo")
    found, names = await play(grep("x", limit=500_000), glob("*"))
    assert found.result == "text\n1:x"
    assert names.result == "bin\ntext\nutf16\nwide"


PATTERNS = [
    *("^a", "a$", r"\ba\b", "a.c", "a+?b", "[abc]{2,3}", "(?i)A", "(?:x|a)b", r"\d+", r"\w\s\w", r"\.", "$", "^$", ""),
    *(r"\<a\>", "(?<=a)b", r"(a)\1", "a{,2}b", "x{", "{x}", "a}", r"\/", r"\Aa", r"b\Z", "a\\\nb", r"\x61", "é"),
    *("-e", "--files", "(?P<n>a)(?P=n)", "(?#c)a", "[]a]", "a|b|", r"\t", "(?s)a.b", r"\#", r"[\w-]+", r"[^\W\d]x"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_grep_takes_pythons_regular_expressions(play: Play, plant: Plant, engine: str, pattern: str) -> None:
    lines = ["a", "ab", "aab", "abc a c", "a.c", "A", "12 é", "", "<a>", "x{y}", "{x}", "a/b", "-e --files", "a\tb"]
    lines += ["#x", "é9x", "a{", "end"]
    plant({"f": "\n".join(lines) + "\n"})
    (done,) = await play(grep(pattern))
    expected = [f"{n}:{line}" for n, line in enumerate(lines, 1) if re.search(pattern, line)]
    assert (done.result or "").splitlines()[1:] == expected


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"pattern": "a("}, "invalid regular expression: missing ), unterminated subpattern (position 1)"),
        ({"pattern": "*"}, "invalid regular expression: nothing to repeat (position 0)"),
        ({"pattern": r"\p{L}"}, r"invalid regular expression: bad escape \p (position 0)"),
        ({"pattern": "[[:alpha:]]"}, "invalid regular expression: Possible nested set at position 1"),
        ({"pattern": "(" * 5000}, None),
        ({"pattern": "x", "context": -1}, "context counts from 0, limit from 1"),
        ({"pattern": "x", "limit": 0}, "context counts from 0, limit from 1"),
        ({"pattern": "x", "path": "none"}, "'none' does not exist"),
        ({"pattern": "x", "path": "/etc/passwd"}, "denied: '/etc/passwd' is outside the working folder"),
    ],
)
async def test_grep_says_why_it_cannot(play: Play, engine: str, arguments: dict[str, Any], error: str | None) -> None:
    (done,) = await play(("grep", arguments))
    assert done.error is not None
    if error is None:
        assert done.error.startswith("invalid regular expression")
    else:
        assert done.error == error
