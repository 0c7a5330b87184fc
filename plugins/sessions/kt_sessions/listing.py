"""The sessions there are, one line each: `kt sessions list`; and how anything of a session becomes safe lines."""

import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unicodedata import combining, east_asian_width

from kt import Media
from kt.errors import DataError, KTError

from .lock import head_file
from .messages import message_of
from .path import Range, path_to
from .reader import SessionReader

FEW = 20
"""How many sessions are listed where nothing says how many."""
TITLE_TURNS = 5
"""In how many turns a title is looked for: the first may have come without a text."""
_ALTERING = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
PIPE_WIDTH = 120
"""Columns where the output is no terminal."""


@dataclass(slots=True)
class Summary:
    """What is told of a session in one line; `started` and `changed` in seconds since the epoch.

    `state` is "ended", "running" (a live process writes it), "waiting" (`questions` are open), "interrupted" (its last
    turn has no end), "empty", "damaged" or "unreadable"; `problem` says what of the last two. `turns` counts those that
    were not left behind, `last_turn` is the number of the last of them.
    """

    path: Path
    started: float = 0.0
    changed: float = 0.0
    creature: str = ""
    model: str = ""
    turns: int = 0
    last_turn: int = 0
    title: str = ""
    state: str = "ended"
    questions: int = 0
    problem: str = ""

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def headline(self) -> str:
        return one_line(self.title, 100) or inert(self.name)

    @property
    def facts(self) -> str:
        """Return who, when and how much in a line."""
        when = f"{clock(self.started)} to {clock(self.changed)}"
        return inert(" · ".join((self.name, self.creature, self.model, when, count(self.turns, "turn"))))

    def data(self) -> dict[str, Any]:
        return {"session": self.name, **asdict(self), "path": str(self.path)}


def is_running(path: Path) -> bool:
    """Tell whether a live process writes a session."""
    import fcntl

    try:
        fd = os.open(head_file(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def summary(path: Path) -> Summary:
    """Return what is known of a session, without reading the whole; what is wrong with it is in its state."""
    found = Summary(path)
    try:
        found.changed = path.stat().st_mtime
        with SessionReader(path) as reader:
            describe(reader, found)
    except DataError as error:
        found.state, found.problem = "damaged", error.what
    except sqlite3.DatabaseError as error:
        found.state, found.problem = "damaged", str(error)
    except (KTError, OSError) as error:
        found.state, found.problem = "unreadable", str(error)
    return found


def describe(reader: SessionReader, found: Summary) -> None:
    """Fill in what an open session tells. Raises SessionDamaged."""
    connection = reader.connection
    ends = connection.execute("select min(ts), max(ts) from event where id in (1, ?)", (reader.last,)).fetchone()
    if ends[0] is None:
        found.state = "running" if is_running(reader.path) else "empty"
        return
    found.started, found.changed = ends[0] / 1e6, ends[1] / 1e6
    info = reader.stream()
    ranges = path_to(connection, info.id, info.last)
    found.creature, found.model = info.name, _model(reader, info.id)
    turns = turns_on(connection, info.id, ranges)
    found.turns, found.last_turn = len(turns), turns[-1][0] if turns else 0
    found.title = _title(reader, turns)
    _end(reader, found, info.id, turns[-1][1] if turns else 0, info.last)


def turns_on(connection: sqlite3.Connection, stream: int, ranges: Sequence[Range]) -> list[tuple[int, int, int]]:
    """Return (turn, number, id) of the events that began the turns within ranges of a stream."""
    # Unary + keeps SQLite off the index of all events: that of turns is much shorter.
    query = "select turn, seq, id from event where stream = ? and kind = 'turn_started' and +seq between ? and ?"
    return [
        row for first, last in ranges for row in connection.execute(f"{query} order by +seq", (stream, first, last))
    ]


def _model(reader: SessionReader, stream: int) -> str:
    row = reader.connection.execute(
        "select id from event where stream = ? and kind in ('llm_started', 'agent_started') order by seq desc limit 1",
        (stream,),
    ).fetchone()
    return str(reader.event(row[0]).body["model"]) if row else ""


def _title(reader: SessionReader, turns: Sequence[tuple[int, int, int]]) -> str:
    for _, _, id in turns[:TITLE_TURNS]:
        body = reader.event(id).body
        if "message" in body and (text := message_of(body["message"]).text.strip()):
            return text
    return ""


def _end(reader: SessionReader, found: Summary, stream: int, began: int, last: int) -> None:
    """Say how the last turn, whose first event is number `began`, stands."""
    if is_running(reader.path):
        found.state = "running"
        return
    row = reader.connection.execute(
        "select id from event where stream = ? and seq > ? and seq <= ? and kind = 'turn_ended' "
        "order by seq desc limit 1",
        (stream, began, last),
    ).fetchone()
    status = reader.event(row[0]).body["result"].get("status", "ok") if row else "interrupted" if began else "ok"
    if status in ("waiting", "interrupted"):
        found.questions = len(reader.rebuilt(stream).questions)
        found.state = "waiting" if found.questions else "interrupted" if status == "interrupted" else "ended"


def print_list(paths: Iterable[Path], *, limit: int | None, as_json: bool) -> int:
    """Print the sessions, the one that was last written first; None is no limit."""
    found = sorted(map(summary, paths), key=lambda s: s.changed, reverse=True)
    shown = found if limit is None else found[:limit]
    if as_json:
        print(json.dumps([s.data() for s in shown]))
        return 0
    for line in _lines(shown):
        print(line)
    if not found:
        print("there is no session yet", file=sys.stderr)
    elif len(shown) < len(found):
        print(f"{count(len(found) - len(shown), 'older session')} not shown: kt sessions list --all", file=sys.stderr)
    return 0


def _lines(found: Sequence[Summary]) -> Iterable[str]:
    """Return the lines, in each as much of the title as the terminal has room for."""
    if not found:
        return
    rows = [
        [inert(s.name), clock(s.changed), one_line(s.creature, 20), one_line(s.model, 30), count(s.turns, "turn"), ""]
        for s in found
    ]
    room = terminal_width()
    for summary, head in zip(found, table(rows, right=(4,)), strict=True):
        state = {"ended": "", "waiting": f"waiting ({count(summary.questions, 'question')})"}.get(
            summary.state, f"{summary.state}: {one_line(summary.problem)}" if summary.problem else summary.state
        )
        tail = "  ".join(filter(None, (state, one_line(summary.title, max(room - columns_of(head + state) - 4, 10)))))
        yield f"{head}  {tail}".rstrip()


# Lines


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
