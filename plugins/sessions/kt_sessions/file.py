"""One session file while it is written: its streams, its lock, and what the writer thread puts into it."""

import json
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from kt.errors import DataError

from . import chain, schema
from .ends import closed_state, uid_of, verify_end
from .errors import CannotCreate, SessionLocked
from .filesystem import refuse_network
from .lock import SessionLock

LARGE = 32 * 1024
"""A body of more characters has its long strings in the table `blob`."""
LONG = 8 * 1024
_SURROGATE = re.compile("[\ud800-\udfff]")

Event = tuple[int, int, int | None, int, int | None, str, int, Any]
"""(stream, seq, parent, ts, turn, kind, ver, body) as it is handed to the writer thread."""
Statement = tuple[str, Sequence[Any]]
Op = Event | Statement


@dataclass(slots=True)
class Stream:
    """The events of one agent or graph in a file; `seq` is the last number given, `parent` the stream it belongs to."""

    id: int
    uid: str
    name: str
    kind: str = "agent"
    parent: int | None = None
    seq: int = 0


@dataclass(slots=True, eq=False)
class SessionFile:
    """Hold a session open for writing; the writer thread calls everything but `append`-like methods of its users.

    `last` is the id of the last event that is durable and `tips` the digest of each stream's last one; `backlog` is
    what a full disk keeps from being written; `busy` are the streams that somebody writes.
    """

    path: Path
    uid: str = ""
    streams: list[Stream] = field(default_factory=list)
    last: int = 0
    tips: dict[int, bytes] = field(default_factory=dict)
    backlog: list[Op] = field(default_factory=list)
    appended: int = 0
    committed: int = 0
    users: int = 0
    busy: set[int] = field(default_factory=set)
    digest: bytes = b""
    begun: bool = False
    lock: SessionLock | None = None

    def take(self, name: str, kind: str, parent: int | None) -> tuple[Stream, Statement | None]:
        """Return the stream of a name for one who writes it, and the statement that keeps it where it is new.

        That of a sub-agent is always new. Raises SessionLocked where somebody here writes it already.
        """
        name = _storable(name)
        known = [s for s in self.streams if (s.name, s.kind) == (name, kind) and kind != "subagent"]
        if known and known[-1].id in self.busy:
            raise SessionLocked(f"{kind} {name!r} of session {self.path.name!r} runs already")
        stream, statement = (known[-1], None) if known else self.add_stream(name, kind, parent)
        self.busy.add(stream.id)
        return stream, statement

    def add_stream(self, name: str, kind: str, parent: int | None) -> tuple[Stream, Statement]:
        """Return a new stream and the statement that keeps it."""
        name = _storable(name)
        stream = Stream(len(self.streams) + 1, uuid4().hex, name, kind, parent)
        self.streams.append(stream)
        self.tips[stream.id] = chain.first(stream.uid, name, kind, parent)
        return stream, ("insert into stream values(?, ?, ?, ?, ?)", (stream.id, stream.uid, name, kind, parent))

    def open(self) -> sqlite3.Connection:
        """Lock the file, make or check it, and read where its streams end.

        Raises CannotCreate, SessionLocked, SessionDamaged, and DataError for another kind or a newer format.
        """
        self.path = self.path.resolve()
        refuse_network(self.path)
        self._make()
        self.lock = SessionLock(self.path)
        try:
            connection = self._connect()
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            self.lock.release(clean=self.lock.left is None)
            raise
        return connection

    def _make(self) -> None:
        """Make the file where it is missing. One that is there is not opened here: closing it would drop the locks
        that SQLite has on it in this process."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.path.exists():
                if not self.path.is_file():
                    raise DataError("this is no file", where=str(self.path))
            else:
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            raise CannotCreate(
                f"the session can't be made: {error.strerror}", where=str(self.path), hint="give another --session PATH"
            ) from None

    def _connect(self) -> sqlite3.Connection:
        try:
            return schema.connect(self.path)
        except sqlite3.OperationalError as error:
            raise schema.unreadable(self.path, error) from None
        except sqlite3.DatabaseError as error:
            raise DataError(f"this is no session file, or a damaged one: {error}", where=str(self.path)) from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        assert self.lock is not None
        if self.path.stat().st_size == 0 and self.lock.left is None:
            schema.create(connection, uuid4().hex)
        else:
            schema.migrate(connection, self.path)
        self.last, self.digest = verify_end(connection, self.path, self.lock.left)
        self.uid = uid_of(connection)
        for id, uid, name, kind, parent in connection.execute(
            "select id, uid, name, kind, parent from stream order by id"
        ).fetchall():
            tip = connection.execute(
                "select seq, h from event where stream = ? order by seq desc limit 1", (id,)
            ).fetchone()
            self.streams.append(Stream(id, uid, name, kind, parent, tip[0] if tip else 0))
            self.tips[id] = tip[1] if tip else chain.first(uid, name, kind, parent)

    def commit(self, connection: sqlite3.Connection, ops: Sequence[Op]) -> None:
        """Write everything in one transaction that is on the disk when this returns. Raises sqlite3.Error."""
        assert self.lock is not None
        self.lock.check()
        if not self.begun:
            self._begin(connection)
        last, tips, events = self.last, dict(self.tips), 0
        keep = _Blobs(connection)
        connection.execute("begin immediate")
        try:
            for op in ops:
                if len(op) == 2:
                    connection.execute(*op)
                    continue
                stream, seq, parent, ts, turn, kind, ver, body = op
                text = keep.text(body)
                last, events = last + 1, events + 1
                tips[stream] = digest = chain.link(tips[stream], seq, parent, ts, turn, kind, ver, text)
                connection.execute(
                    "insert into event values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (last, stream, seq, parent, ts, turn, kind, ver, text, digest),
                )
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
        self.last = last
        self.tips.update(tips)
        self.committed += len(ops)
        if events:
            self.digest = digest

    def mark(self) -> None:
        """Note how far the file is durable. Raises OSError."""
        if self.lock is not None and self.begun:
            self.lock.mark(self.last, self.digest, self.uid)

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Leave the mark of a file that is being written, before the first event of this process."""
        assert self.lock is not None
        self.lock.mark(self.last, self.digest, self.uid)
        self.lock.sync()
        connection.execute("pragma journal_mode = wal")
        self.begun = True

    def close(self, connection: sqlite3.Connection) -> None:
        """Note the clean end in the file and let others write it. The connection is closed."""
        assert self.lock is not None
        try:
            clean = self._end(connection) if self.begun else self.lock.left is None
        except sqlite3.Error:
            clean = False  # the disk is full: the mark that stays says how far the file goes
        connection.close()
        self.lock.release(clean=clean)
        self.lock, self.begun = None, False

    @staticmethod
    def _end(connection: sqlite3.Connection) -> bool:
        """Write the clean end; return False where somebody reads the file, so that it must stay as it is."""
        connection.execute("pragma busy_timeout = 0")  # a reader must not keep the other sessions waiting
        connection.execute("insert or replace into meta values('state', ?)", (closed_state(connection),))
        connection.execute("pragma wal_checkpoint(truncate)")
        # Out of WAL mode, so that who reads it leaves nothing beside it, and so that a lost -wal shows.
        return bool(connection.execute("pragma journal_mode = delete").fetchone()[0] == "delete")


def _storable(name: str) -> str:
    """Return a name as SQLite keeps it: UTF-8 has no surrogates."""
    return name.encode("utf-8", "replace").decode()


class _Blobs:
    """Dump bodies as JSON, with bytes and long strings in the table `blob`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._dump: Callable[[Any], str] = json.JSONEncoder(
            ensure_ascii=False, separators=(",", ":"), default=self._bytes
        ).encode

    def text(self, body: Any) -> str:
        text = self._dump(body)
        surrogates = not text.isascii() and _SURROGATE.search(text)
        if surrogates or len(text) > LARGE:
            text = self._dump(self._shortened(body))
        # SQLite keeps UTF-8, which has no surrogates; what is left of them is in names.
        return _SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", text) if surrogates else text

    def _bytes(self, data: Any) -> Any:
        return {"$bytes": self._keep(data)}

    def _shortened(self, value: Any) -> Any:
        if isinstance(value, str) and (len(value) > LONG or _SURROGATE.search(value)):
            return {"$blob": self._keep(value.encode("utf-8", "surrogatepass"))}
        if isinstance(value, dict):
            return {k: self._shortened(v) for k, v in value.items()}
        return [self._shortened(v) for v in value] if isinstance(value, list) else value

    def _keep(self, data: bytes) -> str:
        digest = sha256(data).digest()
        self._connection.execute("insert or ignore into blob(hash, data) values(?, ?)", (digest, data))
        return digest.hex()
