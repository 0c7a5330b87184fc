"""Copy the events of a session into a new file: the whole, up to an event, or what is good of it."""

import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from . import schema
from .ends import closed_state
from .errors import CannotCreate, SessionDamaged
from .stored import COLUMNS, Bodies

_KEPT = re.compile(r'"\$(?:blob|bytes)":"([0-9a-f]{64})"')


def rows(connection: sqlite3.Connection, bodies: Bodies, last: int) -> Iterator[Any]:
    """Yield the rows of all events up to id `last`, verified. Raises SessionDamaged at the first that is wrong."""
    at = 0
    with bodies.readable():
        for row in connection.execute(f"select {COLUMNS} from event where id <= ? order by id", (last,)):
            at += 1
            if row[0] != at:
                raise bodies.damaged(f"event {at} is missing")
            bodies.event(row)
            yield row
    if at < last:
        raise bodies.damaged(f"event {at + 1} is missing")


def copy(connection: sqlite3.Connection, bodies: Bodies, target: Path, last: int) -> tuple[int, SessionDamaged | None]:
    """Copy events up to id `last` into a new file; return how many are there, and what ended the copy before."""
    part = target.with_name(target.name + ".part")
    copied = _empty(target, part)
    damage, count = None, 0
    try:
        copied.execute("begin immediate")
        with bodies.readable():
            copied.executemany("insert into stream values(?, ?, ?, ?, ?)", connection.execute("select * from stream"))
        try:
            for row in rows(connection, bodies, last):
                copied.execute("insert into event values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
                _copy_blobs(connection, copied, row[8])
                count += 1
        except SessionDamaged as error:
            damage = error
        copied.execute("delete from stream where id > (select coalesce(max(stream), 0) from event)")
        copied.execute("insert into meta values('state', ?)", (closed_state(copied),))
        copied.execute("commit")
    except BaseException:
        copied.close()
        part.unlink()
        raise
    copied.close()
    os.replace(part, target)  # noqa: PTH105
    return count, damage


def _empty(target: Path, part: Path) -> sqlite3.Connection:
    if target.exists():
        raise CannotCreate(f"{str(target)!r} exists", hint="give another name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise CannotCreate(f"{str(target)!r} can't be made: {error.strerror}", hint="give another name") from None
    connection = schema.connect(part)
    schema.create(connection, uuid4().hex)
    return connection


def _copy_blobs(connection: sqlite3.Connection, copied: sqlite3.Connection, body: str) -> None:
    for digest in _KEPT.findall(body) if '"$b' in body else ():
        row = connection.execute("select hash, data from blob where hash = ?", (bytes.fromhex(digest),)).fetchone()
        copied.execute("insert or ignore into blob(hash, data) values(?, ?)", row)
