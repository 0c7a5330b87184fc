"""Take a conversation back to the end of an earlier turn; what is left behind stays in the file."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import NotFound, UsageError

from .events import SessionRewound
from .file import SessionFile, Stream
from .fold import Fold
from .offline import event_of
from .rebuild import Rebuilt, fold_to, keep_snapshot, rebuild
from .stored import Bodies

if TYPE_CHECKING:
    from kt import Agent


def end_of_turn(connection: sqlite3.Connection, stream: int, turn: int, path: Path) -> int:
    """Return the number of the last event before the turn after `turn`; 0 is before the first. Raises NotFound."""
    start = 0
    if turn:
        row = connection.execute(
            "select max(seq) from event where stream = ? and turn = ? and kind = 'turn_started'", (stream, turn)
        ).fetchone()
        if row[0] is None:
            most = connection.execute(
                "select max(turn) from event where stream = ? and kind = 'turn_started'", (stream,)
            ).fetchone()[0]
            raise NotFound(f"the session has no turn {turn}", where=str(path), hint=f"it has turns 1 to {most or 0}")
        start = row[0]
    following = connection.execute(
        "select min(seq) from (select min(seq) as seq from event where stream = ?1 and kind = 'turn_started' "
        "and turn > ?2 and seq > ?3 union all "
        "select min(seq) from event where stream = ?1 and parent is not null and seq > ?3)",
        (stream, turn, start),
    ).fetchone()[0]
    if following is not None:
        return int(following) - 1
    return int(connection.execute("select coalesce(max(seq), 0) from event where stream = ?", (stream,)).fetchone()[0])


def rewind(path: Path, turn: int, *, stream: int | str | None = None) -> int:
    """Take an agent of a session that nobody writes back to the end of a turn; return the events left behind.

    The turn may be on a path that was left before. Raises NotFound, UsageError where the conversation ends there
    anyway, SessionLocked.
    """
    file = SessionFile(path)
    connection = file.open()
    try:
        found = _stream(file, stream)
        before = found.seq
        end = rewound(connection, file, found, turn)
        return before - end
    finally:
        file.close(connection)


async def rewind_agent(agent: "Agent", turn: int) -> None:
    """Take a running agent back to the end of a turn. Raises UsageError while a turn runs or no session is kept."""
    from .log import SessionLog
    from .restore import restore

    log = getattr(agent.log, "inner", agent.log)
    if not isinstance(log, SessionLog):
        raise UsageError(f"agent {agent.name!r} keeps no session", hint="Agent.build(session=...)")
    if agent.turn is not None:
        raise UsageError("a turn is running", hint="wait for its end, or agent.interrupt()")
    rebuilt = await log.rewound(turn)
    restore(agent, rebuilt, str(log.path))


def rewound(connection: sqlite3.Connection, file: SessionFile, stream: Stream, turn: int) -> int:
    """Write that a stream goes on from the end of a turn; return the number of the event it goes on from."""
    end = end_of_turn(connection, stream.id, turn, file.path)
    if end == stream.seq:
        raise UsageError(f"turn {turn} is where the conversation ends", hint="give an earlier turn")
    fold = fold_to(connection, Bodies(connection, file.path), stream.id, end)
    highest = connection.execute(
        "select coalesce(max(turn), 0) from event where stream = ? and kind = 'turn_started'", (stream.id,)
    ).fetchone()[0]
    event = event_of(stream, SessionRewound(turn, highest), parent=end)
    fold.feed(event[5], event[1], event[7])
    file.commit(connection, [event, snapshot_of(stream, fold), ("delete from partial where stream = ?", (stream.id,))])
    return end


def snapshot_of(stream: Stream, fold: Fold) -> tuple[str, tuple[object, ...]]:
    """Return the statement that keeps a snapshot, after the event it is of."""
    return (
        "insert or replace into snapshot select ?1, ?2, ?3, kt_seal(h, ?3) from event where stream = ?1 and seq = ?2",
        (stream.id, fold.seq, keep_snapshot(fold)),
    )


def reread(connection: sqlite3.Connection, file: SessionFile, stream: Stream) -> Rebuilt:
    """Return what the agent of a stream is at its end."""
    return rebuild(connection, Bodies(connection, file.path), stream.id, stream.seq)


def _stream(file: SessionFile, which: int | str | None) -> Stream:
    agents = [s for s in file.streams if s.kind == "agent" and s.parent is None and s.seq]
    found = agents[:1] if which is None else [s for s in (*file.streams, *agents) if which in (s.id, s.name)]
    if not found:
        raise NotFound(f"the session has no agent {which!r}", where=str(file.path))
    return found[-1]
