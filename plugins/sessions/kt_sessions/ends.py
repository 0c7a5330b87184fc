"""The end of a file: is everything there that was durable?"""

import sqlite3
from pathlib import Path

from .errors import SessionDamaged

REPAIR = "kt sessions repair copies what is good"


def tail(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return (id, digest) of the last event, (0, b"") of none."""
    row = connection.execute("select id, h from event order by id desc limit 1").fetchone()
    return (int(row[0]), bytes(row[1])) if row else (0, b"")


def closed_state(connection: sqlite3.Connection) -> str:
    """Return what `meta.state` says after a clean end."""
    last, digest = tail(connection)
    uid = connection.execute("select value from meta where key = 'uid'").fetchone()
    return f"closed {last} {digest.hex() or '-'} {uid[0] if uid else '-'}"


def verify_end(connection: sqlite3.Connection, path: Path, left: tuple[int, bytes] | None) -> tuple[int, bytes]:
    """Return the tail, with nothing missing behind it. `left` is the mark of a writer that did not close the file.

    Raises SessionDamaged where events are missing, or can be.
    """
    try:
        last, digest = tail(connection)
        row = connection.execute("select value from meta where key = 'state'").fetchone()
        state = str(row[0]) if row else ""
        mode = connection.execute("pragma journal_mode").fetchone()[0]
        if left is not None:
            _verify_mark(connection, path, last, *left)
        elif mode == "wal":
            raise SessionDamaged(
                f"the session was not closed, and the files beside it (-wal, -head) are missing: "
                f"it ends after event {last}, later ones may be lost",
                where=str(path),
                hint=REPAIR,
            )
        elif state != (closed_state(connection) if last or state else ""):
            raise SessionDamaged(
                f"the session now ends with event {last}, and its end is not what was written ({state[:60]!r})",
                where=str(path),
                hint=REPAIR,
            )
    except sqlite3.DatabaseError as error:
        raise SessionDamaged(f"the file is damaged: {error}", where=str(path), hint=REPAIR) from None
    return last, digest


def _verify_mark(connection: sqlite3.Connection, path: Path, last: int, marked: int, digest: bytes) -> None:
    if last < marked:
        raise SessionDamaged(
            f"{marked - last} events after event {last} are missing (was the -wal file lost?)",
            where=str(path),
            hint=REPAIR,
        )
    row = connection.execute("select h from event where id = ?", (marked,)).fetchone()
    if marked and (row is None or bytes(row[0]) != digest):
        raise SessionDamaged(f"event {marked} is not what was written", where=str(path), hint=REPAIR)
