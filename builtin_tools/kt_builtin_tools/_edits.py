"""Edits by exact string: applied in order, all or none, keeping every byte that they do not name."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from kt.errors import KTError

from ._text import cut, lines_of

NEAR = 2_000
"""Lines looked through for one that is similar."""
TELLING = 8
"""Characters of a text that is hardly in a file by chance."""
DIFF_LINES = 60


@dataclass(slots=True)
class Edit:
    """Replace `old` with `new`."""

    old: str
    new: str
    replace_all: bool = False


def apply(text: str, edits: Sequence[Edit]) -> tuple[str, int]:
    """Return the edited text and how many places changed.

    Line ends in `old` and `new` follow the file's. Raises KTError where `old` is missing or not unique, naming the
    lines.
    """
    places = 0
    for number, edit in enumerate(edits, 1):
        where = f"edit {number}: " if len(edits) > 1 else ""
        text, count = _replace(text, edit, where)
        places += count
    return text, places


def _replace(text: str, edit: Edit, where: str) -> tuple[str, int]:
    if not edit.old:
        raise KTError(f"{where}old is empty", hint="give the text to replace; use write for a new file")
    old, new = _fit(text, edit)
    if old == new:
        raise KTError(f"{where}old and new are the same")
    count = text.count(old)
    if not count:
        raise KTError(f"{where}old is not in the file", hint=_why_missing(text, edit))
    if count > 1 and not edit.replace_all:
        found = islice(re.finditer(re.escape(old), text), 10)
        lines = ", ".join(str(text.count("\n", 0, m.start()) + 1) for m in found)
        raise KTError(
            f"{where}old is in the file {count} times (lines {lines}{', ...' if count > 10 else ''})",
            hint="add lines around it, or set replace_all",
        )
    return text.replace(old, new), count


def _fit(text: str, edit: Edit) -> tuple[str, str]:
    """Return old and new with the line ends that make old match; those of most of the file are tried first."""
    old, new = edit.old.replace("\r\n", "\n"), edit.new.replace("\r\n", "\n")
    windows = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    unix = old, new
    mostly_windows = text.count("\r\n") * 2 > text.count("\n")
    first, second = (windows, unix) if mostly_windows else (unix, windows)
    return second if first[0] not in text and second[0] in text else first


def _why_missing(text: str, edit: Edit) -> str:
    """Return what to do about an `old` that is not there."""
    if len(edit.new.strip()) >= TELLING and edit.new in text:
        return "new is there already"
    wanted = [line for line in lines_of(edit.old) if line.strip()]
    if not wanted:
        return "read the file again"
    if all(re.match(r"\s*\d+\t", line) for line in wanted):
        return "leave out the line numbers that read shows"
    lines = lines_of(text)
    bare = ["".join(line.split()) for line in lines]
    first = "".join(wanted[0].split())
    if first in bare:
        number = bare.index(first)
        same = lines[number] == wanted[0]
        what = "what follows differs" if same else "its white space differs"
        return f"line {number + 1} begins it, but {what}: {cut(lines[number], 200)!r}"
    near = difflib.get_close_matches(wanted[0], lines[:NEAR], n=1, cutoff=0.6)
    if near:
        return f"the nearest line is {lines.index(near[0]) + 1}: {cut(near[0], 200)!r}"
    return "read the file again"


def diff(old: str, new: str) -> str:
    """Return a unified diff of at most 60 lines, without file names."""
    before, after = lines_of(old), lines_of(new)
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    if max(len(before), len(after)) - head - tail > NEAR:
        return f"[{len(before)} lines became {len(after)}; too many changes to show]"
    start = max(0, head - 2)
    stop = max(0, tail - 2)
    hunks = difflib.unified_diff(before[start : len(before) - stop], after[start : len(after) - stop], n=2, lineterm="")
    shown = [_moved(line, start) if line.startswith("@@") else cut(line, 300) for line in list(hunks)[2:]]
    rest = len(shown) - DIFF_LINES
    return "\n".join(shown[:DIFF_LINES] + ([f"[... {rest} more lines]"] if rest > 0 else []))


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _moved(head: str, by: int) -> str:
    """Return a hunk's head with line numbers that count from the start of the file."""
    return re.sub(r"(?<=[-+])\d+", lambda m: str(int(m[0]) + by), head)
