"""The sessions there are, one line each: `kt sessions list`."""

import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kt.errors import DataError, KTError, UsageError

from .lines import clock, columns_of, count, inert, one_line, table, terminal_width
from .lock import head_file
from .messages import message_of
from .path import Range, path_to
from .reader import SessionReader, StreamInfo

FEW = 20
"""How many sessions are listed where nothing says how many."""
TITLE_TURNS = 5
"""In how many turns a title is looked for: the first may have come without a text."""


@dataclass(slots=True)
class Summary:
    """What is told of a session in one line; `started` and `changed` in seconds since the epoch.

    `state` is "ended", "running" (a live process writes it), "waiting" (`questions` are open), "interrupted" (its last
    turn has no end), "empty", "damaged" or "unreadable"; `problem` says what of the last two. `creature` is the first
    of `agents`. `turns` counts those of all agents that were not left behind, `last_turn` is the number of the first
    agent's last one.
    """

    path: Path
    started: float = 0.0
    changed: float = 0.0
    creature: str = ""
    agents: int = 0
    model: str = ""
    turns: int = 0
    last_turn: int = 0
    title: str = ""
    folder: str = ""
    state: str = "ended"
    questions: int = 0
    problem: str = ""

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def who(self) -> str:
        """Return the agent's name, or how many there are."""
        return self.creature if self.agents < 2 else count(self.agents, "agent")

    @property
    def headline(self) -> str:
        return one_line(self.title, 100) or inert(self.name)

    @property
    def facts(self) -> str:
        """Return who, when and how much in a line."""
        when = f"{clock(self.started)} to {clock(self.changed)}"
        return inert(" · ".join((self.name, self.who, self.model, when, count(self.turns, "turn"))))

    def data(self) -> dict[str, Any]:
        return {"session": self.name, **asdict(self), "path": str(self.path)}


def is_running(path: Path) -> bool:
    """Tell whether a live process writes a session."""
    import fcntl

    try:
        fd = os.open(head_file(path.resolve()), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
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
    agents = reader.agents
    turns = {info.name: turns_on(connection, info.id, path_to(connection, info.id, info.last)) for info in agents}
    found.agents, found.turns = len(agents), sum(map(len, turns.values()))
    if agents:
        first = turns[agents[0].name]
        found.creature, found.last_turn = agents[0].name, first[-1][0] if first else 0
        found.folder = reader.made(agents[0].id).get("pwd", "")
    found.model = ", ".join(dict.fromkeys(_model(reader, info.id) for info in agents))
    found.title = _title(reader, sorted((id for each in turns.values() for _, _, id in each[:TITLE_TURNS])))
    if is_running(reader.path):
        found.state = "running"
        return
    for info in agents:
        _end(reader, found, info, turns[info.name][-1][1] if turns[info.name] else 0)


def the_agent(reader: SessionReader, name: str | None) -> StreamInfo:
    """Return the agent of a name, or the only one there is. Raises NotFound, UsageError where one must be named."""
    agents = [info.name for info in reader.agents]
    if name is None and len(agents) > 1:
        raise UsageError(f"which of {count(len(agents), 'agent')}?", hint=f"--agent NAME, one of: {', '.join(agents)}")
    return reader.stream(name)


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


def _title(reader: SessionReader, turns: Sequence[int]) -> str:
    """Return the first text that a turn began with, of the events with these ids."""
    for id in turns[:TITLE_TURNS]:
        body = reader.event(id).body
        if "message" in body and (text := message_of(body["message"]).text.strip()):
            return text
    return ""


def _end(reader: SessionReader, found: Summary, info: StreamInfo, began: int) -> None:
    """Say how an agent's last turn, whose first event is number `began`, stands, where that is not its end."""
    row = reader.connection.execute(
        "select id from event where stream = ? and seq > ? and seq <= ? and kind = 'turn_ended' "
        "order by seq desc limit 1",
        (info.id, began, info.last),
    ).fetchone()
    status = reader.event(row[0]).body["result"].get("status", "ok") if row else "interrupted" if began else "ok"
    if status in ("waiting", "interrupted"):
        asked = len(reader.rebuilt(info.id).questions)
        found.questions += asked
        if found.questions:
            found.state = "waiting"
        elif status == "interrupted":
            found.state = "interrupted"


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
        [inert(s.name), clock(s.changed), one_line(s.who, 20), one_line(s.model, 30), count(s.turns, "turn"), ""]
        for s in found
    ]
    room = terminal_width()
    for summary, head in zip(found, table(rows, right=(4,)), strict=True):
        state = {"ended": "", "waiting": f"waiting ({count(summary.questions, 'question')})"}.get(
            summary.state, f"{summary.state}: {one_line(summary.problem)}" if summary.problem else summary.state
        )
        tail = "  ".join(filter(None, (state, one_line(summary.title, max(room - columns_of(head + state) - 4, 10)))))
        yield f"{head}  {tail}".rstrip()
