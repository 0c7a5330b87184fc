"""The index of a session: a SQLite file beside it, `NAME.ktlog-search`, made of nothing but the session.

It may be deleted at any time; the next search makes it again. Rows of `fts` have the ids of the events.
"""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kt.errors import StoreError

from .session import Session, StoredEvent
from .texts import new_texts, whole_text
from .words import TOKENIZER, indexable

FORMAT = 1
"""Of tables and texts; an index of another format is made anew."""

BATCH = 20_000
"""Events of one transaction."""

PATIENCE = 60.0
"""Seconds to wait for another process that indexes the same session."""

T = TypeVar("T")

_TABLES = f"""
create table meta(key text primary key, value text not null) without rowid;
create table vec(model text not null, chunk integer not null, n integer not null, ids blob not null, v blob not null,
    primary key(model, chunk));
create virtual table fts using fts5(text, content='', tokenize='{TOKENIZER}');
"""


_NOT_OURS = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_NOT_NOW = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM})


class Unusable(Exception):
    """The file is no index of this session, or a damaged one: it must be made anew."""


class Unwritable(Exception):
    """The file can't be made or written where it belongs."""


class Index:
    """The index of one session, open; use `with_index`. `temporary`: it can't be kept in its folder."""

    def __init__(self, path: Path, session: Session, *, temporary: bool = False) -> None:
        self.path, self.session, self.temporary = path, session, temporary
        self.added = 0
        """Events that were indexed since it was opened."""
        _private(path)
        self.db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
        try:
            self._prepare()
        except BaseException:
            self.db.close()
            raise

    def _prepare(self) -> None:
        """Make the tables where there are none. Raises Unusable for what is not this session's index."""
        db = self.db
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        if not self._format():
            with self.writing():
                self._create()
        if self._format() != FORMAT or not self._is_of_session():
            raise Unusable(f"{self.path.name} is no index of this session")

    def _is_of_session(self) -> bool:
        # Both at once: another process may be on its way.
        row = self.db.execute("select u.value, m.value from meta u, meta m where u.key = 'upto' and m.key = 'mark'")
        upto, mark = row.fetchone() or (0, "")
        last = int(upto)
        return not last or (last <= self.session.last and mark == _marked(self.session, self.session.event(last)))

    def _format(self) -> int:
        return int(self.db.execute("pragma user_version").fetchone()[0])

    def _create(self) -> None:
        """Make the tables, unless another process just did."""
        if not self.db.execute("select count(*) from sqlite_master").fetchone()[0]:
            for statement in _TABLES.split(";\n"):
                self.db.execute(statement)
            self.db.execute(f"pragma user_version = {FORMAT}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the only right to write, in one transaction, which an exception undoes."""
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            if self.db.in_transaction:  # a full disk ends it by itself
                self.db.execute("rollback")
            raise
        self.db.execute("commit")

    def meta(self, key: str) -> str | None:
        row = self.db.execute("select value from meta where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: object) -> None:
        self.db.execute("insert or replace into meta values(?, ?)", (key, str(value)))

    @property
    def upto(self) -> int:
        """Return the id of the last event that is indexed."""
        return int(self.meta("upto") or 0)

    def catch_up(self) -> None:
        """Index every event there is. Another process that does the same is waited for."""
        last = self.session.last
        while self.upto < last:
            with self.writing():
                self._index_batch()

    def _index_batch(self) -> None:
        """Index the next events; what stands in the index is read once more, now that nobody else writes."""
        upto = self.upto
        batch = _Batch(new_texts(self.session, upto, BATCH))
        self.db.executemany("insert into fts(rowid, text) values(?, ?)", batch)
        if batch.last is not None:
            self.set_meta("upto", batch.last.id)
            self.set_meta("mark", _marked(self.session, batch.last))
        self.added += batch.count

    def text(self, id: int) -> str:
        """Return all that an event says, in the form in which it is indexed."""
        return indexable(whole_text(self.session.event(id)))

    def close(self) -> None:
        self.db.close()


def index_file(session: Path) -> Path:
    """Return where the index of a session file is."""
    return session.with_name(session.name + "-search")


def with_index(session: Session, work: Callable[[Index], T]) -> T:
    """Return what `work` makes of a session's index, which holds every event.

    One that is damaged, or another session's, is made anew, once. Where the folder can't be written, or the file be
    opened, it is a temporary one. Raises StoreError where that fails too.
    """
    path = index_file(session.path)
    try:
        try:
            return _worked(path, session, work)
        except Unusable:
            _remove(path)
            return _worked(path, session, work)
    except Unwritable:
        with tempfile.TemporaryDirectory(prefix="kt-search-") as folder:
            return _worked(Path(folder, path.name), session, work, temporary=True)
    except Unusable as error:
        raise _failed(path, error) from error


def _worked(path: Path, session: Session, work: Callable[[Index], T], *, temporary: bool = False) -> T:
    """Return what `work` makes of the index at `path`, brought up to date. Raises Unusable and Unwritable."""
    try:
        index = Index(path, session, temporary=temporary)
        try:
            index.catch_up()
            return work(index)
        finally:
            index.close()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _NOT_NOW:
            raise _failed(path, error) from error
        raise (Unwritable if code in _NOT_OURS else Unusable)(str(error)) from error


def _private(path: Path) -> None:
    """Make the file, readable by its owner only, like the session: it holds the same words."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise Unwritable(str(error)) from error


def _remove(path: Path) -> None:
    try:
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
    except OSError as error:
        raise Unwritable(str(error)) from error


def _failed(path: Path, error: Exception) -> StoreError:
    return StoreError(f"the search index can't be made: {error}", where=str(path), hint=f"delete {path.name} and retry")


class _Batch:
    """Rows of the index for some events, made one by one; `last` is the event it came to, `count` how many it had."""

    def __init__(self, texts: Iterable[tuple[StoredEvent, str]]) -> None:
        self._texts = texts
        self.count = 0
        self.last: StoredEvent | None = None

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for event, text in self._texts:
            self.last = event
            self.count += 1
            if text:
                yield event.id, indexable(text)


def _marked(session: Session, event: StoredEvent) -> str:
    """Return what tells a session, as far as this event, from every other."""
    return f"{session.uid} {event.id} {event.stream} {event.seq} {event.kind} {event.time!r}"
