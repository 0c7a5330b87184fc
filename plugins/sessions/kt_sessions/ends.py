"""The end of a file: is everything there that was durable?"""

import sqlite3
from pathlib import Path

from .errors import SessionDamaged
from .lock import Mark

REPAIR = "kt sessions repair copies what is good"
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises; the latter where SQLite quotes it in a message."""


def tail(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return (id, digest) of the last event, (0, b"") of none. Raises sqlite3.DatabaseError for no such thing."""
    row = connection.execute("select id, h from event order by id desc limit 1").fetchone()
    if row is None:
        return 0, b""
    if not (isinstance(row[0], int) and isinstance(row[1], bytes)):
        raise sqlite3.DatabaseError("the last event is unreadable")
    return row[0], row[1]


def uid_of(connection: sqlite3.Connection) -> str:
    """Return what tells a session from every other. Raises sqlite3.DatabaseError where it is missing."""
    row = connection.execute("select value from meta where key = 'uid'").fetchone()
    if row is None or not isinstance(row[0], str):
        raise sqlite3.DatabaseError("the session has no uid")
    return row[0]


def closed_state(connection: sqlite3.Connection) -> str:
    """Return what `meta.state` says after a clean end."""
    last, digest = tail(connection)
    return f"closed {last} {digest.hex() or '-'} {uid_of(connection)}"


def verify_end(connection: sqlite3.Connection, path: Path, left: Mark | None) -> tuple[int, bytes]:
    """Return the tail, with nothing missing behind it. `left` is the mark of a writer that did not close the file.

    Raises SessionDamaged where events are missing, or can be.
    """
    try:
        last, digest = tail(connection)
        problem = _without_mark(connection, last) if left is None else _against_mark(connection, last, left)
    except UNREADABLE as error:
        problem = f"the file is damaged: {error}"
    if problem:
        raise SessionDamaged(problem, where=str(path), hint=REPAIR)
    return last, digest


def _without_mark(connection: sqlite3.Connection, last: int) -> str:
    """Return what is wrong with a file that was closed, "" for nothing."""
    row = connection.execute("select value from meta where key = 'state'").fetchone()
    state = str(row[0]) if row else ""
    if connection.execute("pragma journal_mode").fetchone()[0] == "wal":
        return (
            f"the session was not closed, and the files beside it (-wal, -head) are missing: "
            f"it ends after event {last}, later ones may be lost"
        )
    if state != (closed_state(connection) if last or state else ""):
        return f"the session now ends with event {last}, and its end is not what was written ({state[:60]!r})"
    return ""


def _against_mark(connection: sqlite3.Connection, last: int, left: Mark) -> str:
    """Return what is missing of what a writer marked as durable, "" for nothing."""
    if uid_of(connection) != left.uid:
        return "the file beside it (-head) is that of another session, or the session's own name was changed"
    if last < left.last:
        return f"{left.last - last} events after event {last} are missing (was the -wal file lost?)"
    row = connection.execute("select h from event where id = ?", (left.last,)).fetchone()
    if left.last and (row is None or row[0] != left.digest):
        return f"event {left.last} is not what was written"
    return ""
