"""Read a session: offline, lazily, verified, also while it is being written."""

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kt import Message
from kt.errors import DataError, NotFound, nearest

from . import schema
from .ends import tail, uid_of, verify_end
from .lock import read_head
from .path import path_to
from .rebuild import Rebuilt, rebuild
from .stored import COLUMNS, Bodies, StoredEvent
from .turns import TurnRecord, turns


@dataclass(slots=True, frozen=True)
class StreamInfo:
    """The events of one agent or graph in a file; `parent` is the stream it was a part of, `last` its last number.

    `kind` is "agent", "subagent" for a part of one, or "graph" for a journal.
    """

    id: int
    uid: str
    name: str
    kind: str
    parent: int | None
    last: int


class SessionReader:
    """Read the session in a file: `with SessionReader(path) as reader`.

    Raises NotFound, DataError for what is no session or is too new, and SessionDamaged, here where the end is
    missing, and while reading at the first event that is not what was written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().resolve()
        self._connection = schema.connect_read_only(self.path)
        self.bodies = Bodies(self._connection, self.path)
        try:
            self._verify()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _verify(self) -> None:
        """Check the end; a writer that opens or closes the file in between is given a second look."""
        try:
            verify_end(self._connection, self.path, read_head(self.path))
        except DataError:
            verify_end(self._connection, self.path, read_head(self.path))

    @property
    def uid(self) -> str:
        """Return what tells this session from every other, forks included."""
        with self.bodies.readable():
            return uid_of(self._connection)

    @property
    def last(self) -> int:
        """Return the id of the last event, 0 where there is none."""
        with self.bodies.readable():
            return tail(self._connection)[0]

    @property
    def streams(self) -> list[StreamInfo]:
        """Return the streams, oldest first."""
        with self.bodies.readable():
            rows = self._connection.execute(
                "select id, uid, name, kind, parent, "
                "coalesce((select max(seq) from event where stream = stream.id), 0) from stream order by id"
            ).fetchall()
        return [StreamInfo(*row) for row in rows]

    @property
    def agents(self) -> list[StreamInfo]:
        """Return the streams of agents that did something, oldest first, without what is a part of another."""
        found = [s for s in self.streams if s.kind == "agent" and s.parent is None and s.last]
        return list({s.name: s for s in found}.values())

    def stream(self, which: int | str | None = None) -> StreamInfo:
        """Return a stream by id or name, that of an agent before others; None is the first agent's. Raises NotFound."""
        agents, streams = self.agents, self.streams
        if which is None:
            found = agents[:1] or [s for s in streams if s.kind == "agent"][:1]
        else:
            found = [s for s in (*streams, *agents) if which in (s.id, s.name)]
        if not found:
            missing = "the session holds no agent" if which is None else f"the session has no agent {which!r}"
            raise NotFound(missing, where=str(self.path), hint=nearest(str(which or ""), [s.name for s in streams]))
        return found[-1]

    def family(self, agent: str) -> list[StreamInfo]:
        """Return the stream of an agent, and those of its parts. Raises NotFound."""
        found = [self.stream(agent)]
        for info in self.streams:  # a part comes after what it is a part of
            if any(info.parent == known.id for known in found):
                found.append(info)
        return found

    def events(
        self, after: int = 0, *, kinds: Collection[str] | None = None, stream: int | str | None = None
    ) -> Iterator[StoredEvent]:
        """Yield every event with an id above `after`, in order, those on left paths too; some kinds or one stream."""
        only = None if stream is None else self.stream(stream).id
        with self.bodies.readable():
            rows = self._connection.execute(f"select {COLUMNS} from event where id > ? order by id", (after,))
            at = after
            for row in rows:
                at += 1
                if row[0] != at:
                    raise self.bodies.damaged(f"event {at} is missing")
                event = self.bodies.event(row)
                if (kinds is None or event.kind in kinds) and only in (None, event.stream):
                    yield event

    def event(self, id: int) -> StoredEvent:
        """Return one event by its id. Raises NotFound."""
        with self.bodies.readable():
            row = self._connection.execute(f"select {COLUMNS} from event where id = ?", (id,)).fetchone()
            if row is None:
                raise NotFound(f"the session has no event {id}", where=str(self.path))
            return self.bodies.event(row)

    def path_events(self, stream: int | str | None = None) -> Iterator[StoredEvent]:
        """Yield the events of one stream that lead to its end, without the paths that were left."""
        info = self.stream(stream)
        with self.bodies.readable():
            for first, last in path_to(self._connection, info.id, info.last):
                rows = self._connection.execute(
                    f"select {COLUMNS} from event where stream = ? and seq between ? and ? order by seq",
                    (info.id, first, last),
                )
                at = first
                for row in rows:
                    if row[2] != at:
                        raise self.bodies.damaged(f"event {at} of stream {info.id} is missing")
                    at += 1
                    yield self.bodies.event(row)

    def turns(self, stream: int | str | None = None) -> Iterator[TurnRecord]:
        """Yield the turns of an agent, those on left paths not."""
        return turns(self.path_events(stream))

    def conversation(self, stream: int | str | None = None) -> list[Message]:
        """Return the conversation as the model has it: after summaries took the place of what was said."""
        return self.rebuilt(stream).history

    def rebuilt(self, stream: int | str | None = None) -> Rebuilt:
        """Return all that a resume gives back to an agent."""
        info = self.stream(stream)
        return rebuild(self._connection, self.bodies, info.id, info.last)

    def made(self, stream: int | str | None = None) -> dict[str, Any]:
        """Return what the agent was built of, {} where its start is not in the file."""
        info = self.stream(stream)
        with self.bodies.readable():
            row = self._connection.execute(
                f"select {COLUMNS} from event where stream = ? and kind = 'session_created' order by seq limit 1",
                (info.id,),
            ).fetchone()
            return {} if row is None else self.bodies.event(row).body.get("made", {})

    @property
    def connection(self) -> sqlite3.Connection:
        """Return the read-only connection, for what reads the tables themselves."""
        return self._connection
