"""Anything of a session as lines that are safe to print, and as tables; numbers and times as a person reads them."""

import re
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from unicodedata import combining, east_asian_width

from kt import Media

_ALTERING = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
PIPE_WIDTH = 120
"""Columns where the output is no terminal."""


def inert(text: str) -> str:
    """Return text whose control, invisible and bidi characters are escapes; line ends and tabs stay."""
    return _ALTERING.sub(lambda m: _escape(ord(m[0])), text)


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str, width: int | None = None) -> str:
    """Return text as one safe line, cut to `width` columns where that is given."""
    line = inert(" ".join(text[: 20 * width].split() if width else text.split()))
    return line if width is None else cut(line, width)


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(line: str, width: int) -> str:
    """Return what of a line fits into `width` columns; "..." says that there is more."""
    if columns_of(line) <= width:
        return line
    room, at = max(width - 3, 0), 0
    while at < len(line) and (taken := columns_of(line[at])) <= room:
        room, at = room - taken, at + 1
    return line[:at] + "..."[:width]


def terminal_width() -> int:
    """Return the columns of the terminal, PIPE_WIDTH where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH


def table(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> Iterator[str]:
    """Yield the lines of a table; the columns numbered in `right` are flush right, the last one has no end."""
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - columns_of(cell))
            cells.append(gap + cell if at in right else cell + gap)
        yield "  ".join(cells).rstrip()


def clock(seconds: float) -> str:
    """Return a time since the epoch as local date and time, to the minute."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def took(seconds: float) -> str:
    """Return a duration in the unit that a person would use."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, thing: str) -> str:
    """Return "1 call", "2 calls"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def dollars(cost: float | None, unpriced: int = 0) -> str:
    """Return a cost in USD, and how many calls it leaves out because their price is unknown."""
    known = "" if cost is None else f"${cost:,.4f}"
    without = f"{count(unpriced, 'call')} without a price" if unpriced else ""
    return " + ".join(filter(None, (known, without))) or "unknown"


def about(media: Media) -> str:
    """Return a line that says what an image, audio or file is."""
    size = f"{len(media.data):,} bytes" if media.data is not None else media.url or media.file_id or ""
    return one_line(" ".join(filter(None, (media.name, media.mime, size))), 200)
