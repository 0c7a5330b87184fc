"""Say whether a session is what was written, and save what is good of one that is not."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from kt.errors import DataError

from . import chain, schema
from .copies import copy, rows
from .ends import UNREADABLE, tail, verify_end
from .errors import SessionDamaged
from .lock import read_head
from .stored import Bodies


@dataclass(slots=True)
class Report:
    """What a check found: the events that are good, and each problem in one line."""

    events: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Repaired:
    """What a repair saved: the events of the good prefix; `lost` says what ended it, "" for nothing."""

    kept: int
    lost: str = ""


def check(path: Path) -> Report:
    """Verify a whole session: SQLite's own structure, the chain of every stream, its end, blobs and snapshots.

    Raises NotFound, and DataError for what is no session at all.
    """
    path = path.resolve()
    connection = schema.connect_read_only(path)
    report, bodies = Report(), Bodies(connection, path)
    try:
        connection.execute("begin")
        _structure(connection, report)
        _end(connection, path, report)
        try:
            with bodies.readable():
                last = tail(connection)[0]
            for _ in rows(connection, bodies, last):
                report.events += 1
        except SessionDamaged as error:
            report.problems.append(error.what)
        _blobs(connection, bodies, report)
        _snapshots(connection, report)
    finally:
        connection.close()
    return report


def repair(source: Path, target: Path) -> Repaired:
    """Copy the good prefix of a session into a new file; the source is left as it is. Raises DataError for none."""
    source = source.resolve()
    connection = schema.connect_read_only(source)
    bodies = Bodies(connection, source)
    try:
        connection.execute("begin")
        with bodies.readable():
            last = tail(connection)[0]
        missing = _mark_beyond(source, last)
        kept, damage = copy(connection, bodies, target, last)
    finally:
        connection.close()
    if not kept:
        target.unlink()
        raise DataError("there is nothing to save", where=str(source), hint=damage.what if damage else "")
    return Repaired(kept, damage.what if damage else missing)


def _mark_beyond(path: Path, last: int) -> str:
    marked = read_head(path)
    return f"{marked.last - last} events after event {last} are missing" if marked and marked.last > last else ""


def _structure(connection: sqlite3.Connection, report: Report) -> None:
    try:
        found = [row[0] for row in connection.execute("pragma integrity_check(10)")]
    except UNREADABLE as error:
        found = [str(error)]
    report.problems += [f"SQLite: {line}" for line in found if line != "ok"]


def _end(connection: sqlite3.Connection, path: Path, report: Report) -> None:
    try:
        verify_end(connection, path, read_head(path))
    except SessionDamaged as error:
        report.problems.append(error.what)


def _blobs(connection: sqlite3.Connection, bodies: Bodies, report: Report) -> None:
    from hashlib import sha256

    try:
        for digest, data in connection.execute("select hash, data from blob"):
            if sha256(data).digest() != digest:
                report.problems.append(f"the content {digest.hex()[:12]} is not what was written")
    except (*UNREADABLE, TypeError) as error:
        report.problems.append(f"SQLite: {error}")


def _snapshots(connection: sqlite3.Connection, report: Report) -> None:
    try:
        found = connection.execute(
            "select s.stream, s.body, s.h, e.h from snapshot s "
            "left join event e on e.stream = s.stream and e.seq = s.seq"
        ).fetchall()
    except UNREADABLE as error:
        report.problems.append(f"SQLite: {error}")
        return
    for stream, body, digest, event in found:
        if event is None or chain.seal((event.hex(), body)) != digest:
            report.problems.append(f"the snapshot of stream {stream} is not what was written (a resume does without)")
