"""The tables of a session file, and the steps from each older format to this one."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from kt.errors import DataError, KTError, NotFound, StoreError

from .chain import seal

FORMAT = 1
"""The format that this code writes; it is the file's `user_version`."""

APPLICATION = 0x6B746C67
"""`application_id` of a session file: "ktlg"."""

PAGE = 1024
"""Bytes of a page: small, because most sessions are."""

TABLES = """
create table meta(key text primary key, value text not null) without rowid;
create table stream(id integer primary key, uid text not null unique, name text not null, kind text not null,
    parent integer);
create table event(id integer primary key, stream integer not null, seq integer not null, parent integer,
    ts integer not null, turn integer, kind text not null, ver integer not null, body text not null, h blob not null,
    unique(stream, seq));
create index event_turn on event(stream, turn) where kind = 'turn_started';
create index event_branch on event(stream, seq) where parent is not null;
create table snapshot(stream integer primary key, seq integer not null, body text not null, h blob not null);
create table partial(stream integer primary key, seq integer not null, text text not null, h blob not null);
create table blob(id integer primary key, hash blob not null unique, data blob not null);
"""

STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {}
"""From format N to N + 1, by N: each changes the tables inside one transaction."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a file for writing, made where it is not there; any thread may use the connection, one at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    connection.create_function("kt_seal", 2, lambda h, text: seal((h.hex(), text)), deterministic=True)
    try:
        connection.execute("pragma synchronous = full")
        connection.execute("pragma wal_autocheckpoint = 4000")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path, *, recovered: bool = False) -> sqlite3.Connection:
    """Open a file for reading. Raises NotFound, and DataError for what is no session or too new to be read.

    What a killed process left in the middle of SQLite's own work is ended first, as the next writer would.
    """
    if not path.is_file():
        raise NotFound(f"there is no session {str(path)!r}", hint="kt sessions list")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5)
    except sqlite3.OperationalError as error:
        raise unreadable(path, error) from None
    try:
        verify_format(connection, path)
        return connection
    except BaseException as error:
        connection.close()
        if recovered or not getattr(error.__context__, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
            raise
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=5)) as writer:
        writer.execute("select count(*) from sqlite_master").fetchone()
    return connect_read_only(path, recovered=True)


def format_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the format of an open file. Raises DataError where it is no session."""
    try:
        application = connection.execute("pragma application_id").fetchone()[0]
        version = connection.execute("pragma user_version").fetchone()[0]
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        raise unreadable(path, error) from None
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise DataError(f"this is no session file, or a damaged one: {error}", where=str(path)) from None
    if application != APPLICATION:
        raise DataError("this is no session file", where=str(path))
    return int(version)


def unreadable(path: Path, error: sqlite3.OperationalError) -> KTError:
    """Return why a file can't be opened: it may not be read, or a crash left it in a folder that can't be written."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        hint = "copy it, with the files beside it, to a folder that you can write"
        return StoreError(f"the session can't be opened: {error}", where=str(path), hint=hint)
    return DataError(f"this is no session file, or a damaged one: {error}", where=str(path))


def verify_format(connection: sqlite3.Connection, path: Path) -> int:
    """Return the format of a file. Raises DataError where this code can't read it."""
    version = format_of(connection, path)
    if version < 1:
        raise DataError(f"the session has format {version}, which never was one", where=str(path))
    if version > FORMAT:
        raise DataError(
            f"the session has format {version}, and only formats up to {FORMAT} are known here",
            where=str(path),
            hint="upgrade kt: uv tool upgrade kterrarium",
        )
    return version


def create(connection: sqlite3.Connection, uid: str) -> None:
    """Make the tables in an empty file."""
    connection.execute(f"pragma page_size = {PAGE}")
    connection.execute("begin immediate")
    for statement in TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute("insert into meta values('uid', ?)", (uid,))
    connection.execute(f"pragma application_id = {APPLICATION}")
    connection.execute(f"pragma user_version = {FORMAT}")
    connection.execute("commit")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring an older file to this format, with a copy of it as NAME.vN beside it. Raises DataError for a newer one."""
    version = verify_format(connection, path)
    if version == FORMAT:
        return
    keep = path.with_name(f"{path.name}.v{version}")
    if not keep.exists():
        connection.execute("vacuum into ?", (str(keep),))
    connection.execute("begin immediate")
    for step in range(version, FORMAT):
        STEPS[step](connection)
    connection.execute(f"pragma user_version = {FORMAT}")
    connection.execute("commit")
