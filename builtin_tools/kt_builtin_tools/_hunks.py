"""The hunks of a patch, put where their lines stand in a file."""

import re
from collections.abc import Callable, Sequence

from kt.errors import DataError

from ._text import cut
from ._v4a import Hunk

BOM = "\ufeff"
MORE = "add lines of context, or @@ with a line above"
LEVELS: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip)
"""How lines are compared: as they are, without trailing and then without all white space around them."""


def patched(text: str, hunks: Sequence[Hunk]) -> str:
    """Return a file's text with the hunks applied in order; what they do not name stays to the byte.

    New lines take the line end of the lines around them. Raises DataError for a hunk whose lines are not there, or are
    there more than once.
    """
    mark, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    bodies = [_body(line) for line in lines]
    out: list[str] = []
    at = 0
    for hunk in hunks:
        start = _place(bodies, hunk, at)
        out += lines[at:start]
        at = start
        for kind, new in hunk.lines:
            if kind == "+":
                out.append(new + _end(lines, at))
                continue
            out += [lines[at]] if kind == " " else []
            at += 1
    out += lines[at:]
    return mark + _joined(out, ended=not text or text.endswith("\n"))


def _body(line: str) -> str:
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def _end(lines: Sequence[str], at: int) -> str:
    """Return the line end for a new line before number `at`."""
    near = [*reversed(lines[max(0, at - 2) : at]), *lines[at : at + 1]]
    return next((line[len(_body(line)) :] for line in near if line.endswith("\n")), "\n")


def _joined(lines: list[str], *, ended: bool) -> str:
    """Return lines as text that ends with a line end only if `ended`."""
    for n in range(len(lines) - 1):
        if not lines[n].endswith("\n"):
            lines[n] += lines[n + 1][len(_body(lines[n + 1])) :]
    if lines and not ended:
        lines[-1] = _body(lines[-1])
    return "".join(lines)


def _place(bodies: Sequence[str], hunk: Hunk, cursor: int) -> int:
    """Return the number of the line that a hunk begins at, from `cursor` on. Raises DataError."""
    floor, sure = _after_anchors(bodies, hunk)
    old = hunk.old
    where = f"hunk at line {hunk.line} of the patch"
    if not old:
        if hunk.at_end or not bodies:
            return len(bodies)
        if not sure:
            raise DataError(f"the {where} has no line that says where it belongs", hint="add lines of context")
        return max(cursor, floor)
    # A hunk may repeat its anchor as its first line.
    places = _find(bodies, old, max(cursor, floor - 1))
    if hunk.at_end:
        places = [p for p in places if p + len(old) == len(bodies)]
    if not places:
        raise DataError(f"the lines of the {where} are not in the file{_why(bodies, old)}")
    if len(places) > 1 and not (sure and places[0] in (floor - 1, floor)):
        numbers = ", ".join(str(p + 1) for p in places[:10])
        raise DataError(f"the lines of the {where} are in the file more than once (lines {numbers})", hint=MORE)
    return places[0]


def _after_anchors(bodies: Sequence[str], hunk: Hunk) -> tuple[int, bool]:
    """Return the line after the anchors, each looked for below the one before, and whether the first is unique."""
    floor, sure = 0, False
    for number, anchor in enumerate(hunk.anchors):
        found = _find(bodies, [anchor], floor) or [n for n in range(floor, len(bodies)) if anchor.strip() in bodies[n]]
        if not found:
            raise DataError(f"the line of {'@@ ' + anchor!r} is not in the file (line {hunk.line} of the patch)")
        floor, sure = found[0] + 1, len(found) == 1 if number == 0 else sure
    return floor, sure


def _find(bodies: Sequence[str], wanted: Sequence[str], start: int) -> list[int]:
    """Return where the lines stand, compared as strictly as finds any."""
    for level in LEVELS:
        have, want = [level(b) for b in bodies[start:]], [level(w) for w in wanted]
        stops = range(len(have) - len(want) + 1)
        if found := [start + n for n in stops if have[n] == want[0] and have[n : n + len(want)] == want]:
            return found
    return []


def _why(bodies: Sequence[str], old: Sequence[str]) -> str:
    """Return what of a hunk can be found, for the error."""
    if found := _find(bodies, old, 0):
        return f" at that place, but at line {found[0] + 1}"
    missing = next((line for line in old if line.strip() and not _find(bodies, [line], 0)), "")
    return f": {cut(missing, 200)!r} is not" if missing else " in this order"
