"""The journal of a graph: a stream of a session file that belongs to no agent but to what several do together."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import encode
from kt.errors import UsageError
from kt.events import Logged

from .file import SessionFile, Stream
from .names import located
from .offline import event_of
from .reader import SessionReader
from .rebuild import read as stored
from .service import Sessions
from .stored import Bodies

if TYPE_CHECKING:
    from kt import Host, Plugins

KIND = "graph"
"""The kind of a journal's stream."""


@dataclass(slots=True)
class JournalEntry:
    """One event of a journal: `ts` in seconds since the epoch, `body` its fields as `kt.encode` gives them."""

    seq: int
    ts: float
    kind: str
    body: dict[str, Any]


class Journal:
    """Keep the events of a graph in the session file `path`, beside those of agents; `name` tells several apart.

    Nothing is made of them: who appends them reads them again.
    """

    lasting = True

    def __init__(self, path: Path, *, name: str = "graph") -> None:
        self.path, self.name = path, name
        self._file: SessionFile | None = None
        self._stream: Stream | None = None

    async def open(self, host: "Host") -> list[JournalEntry]:
        """Open the file, made where it is missing; return what the journal has already, oldest first.

        Raises SessionLocked where somebody writes it, and what opening a session raises.
        """
        sessions = Sessions.of(host)
        file, stream = await sessions.take(self.path, self.name, KIND)
        try:
            held = await sessions.writer.call(file, lambda c: _entries(c, Bodies(c, file.path), stream.id, stream.seq))
        except BaseException:
            await sessions.leave(file, stream)
            raise
        self._file, self._stream, self._sessions = file, stream, sessions
        return held

    def append(self, record: Logged) -> int:
        """Hand an event to the writer; return its number. Raises UsageError where the journal is not open."""
        if self._file is None or self._stream is None:
            raise UsageError(f"journal {self.name!r} is not open", where=str(self.path))
        self._sessions.writer.append(self._file, event_of(self._stream, record))
        return self._stream.seq

    async def durable(self) -> None:
        """Return when everything appended is on the disk. Raises StoreError."""
        if self._file is not None:
            await self._sessions.writer.sync(self._file)

    async def close(self) -> None:
        """Write what waits and end the journal's part; the file is closed with the last who writes it."""
        if self._file is not None and self._stream is not None:
            file, self._file = self._file, None
            await self._sessions.leave(file, self._stream)


def read(plugins: "Plugins", session: str | Path, *, name: str = "graph", after: int = 0) -> list[JournalEntry]:
    """Return the events of a session's journal with numbers above `after`, [] where it has none of that name.

    The session may be running. Raises NotFound and SessionDamaged.
    """
    with SessionReader(located(plugins, session)) as reader:
        found = [info for info in reader.streams if (info.name, info.kind) == (name, KIND)]
        with reader.bodies.readable():
            return _entries(reader.connection, reader.bodies, found[-1].id, found[-1].last, after) if found else []


def _entries(
    connection: sqlite3.Connection, bodies: Bodies, stream: int, last: int, after: int = 0
) -> list[JournalEntry]:
    events = stored(connection, bodies, stream, after + 1, last)
    return [JournalEntry(e.seq, e.time, e.kind, {k: encode(v) for k, v in e.body.items()}) for e in events]
