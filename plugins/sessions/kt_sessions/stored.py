"""Events as they are read: verified against the chain, brought up to date, references resolved."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from . import chain
from .ends import REPAIR, UNREADABLE
from .errors import SessionDamaged

COLUMNS = "id, stream, seq, parent, ts, turn, kind, ver, body, h"
Body = dict[str, Any]
STEPS: Mapping[tuple[str, int], Callable[[Body], Body]] = {}
"""From version N of a kind's body to N + 1, by (kind, N); pure, and applied when it is read."""
RECENT = 512
_NESTED = (dict, list)


def parsed(text: str) -> Any:
    """Return the data of a stored body."""
    try:
        return from_json(text)
    except ValueError:  # it knows no half of a surrogate pair, which a body may have in a name
        return json.loads(text)


@dataclass(slots=True, frozen=True)
class StoredEvent:
    """One event of a file: `id` is its place there, (`stream`, `seq`) its identity; `time` in seconds.

    `body` is the event as JSON data, in the newest version of its kind; bytes are bytes. `parent` is the number of
    the event it follows where that is not the one before: the session was taken back to it.
    """

    id: int
    stream: int
    seq: int
    time: float
    turn: int | None
    kind: str
    version: int
    body: Body
    parent: int | None = None


class Bodies:
    """Read the bodies of one file."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self.path = connection, path
        self._recent: dict[tuple[int, int], Body] = {}
        self._ahead: dict[tuple[int, int], Any] = {}
        self._before: dict[int, tuple[int, bytes]] = {}

    def event(self, row: Any) -> StoredEvent:
        """Return the event of a row of COLUMNS. Raises SessionDamaged where it is not what was written."""
        self._verify(row)
        return self._made(row)

    def read_ahead(self, stream: int, first: int, last: int) -> None:
        """Verify and keep the rows of a stretch of events that `at` will be asked for."""
        rows = self._connection.execute(
            f"select {COLUMNS} from event where stream = ? and seq between ? and ? order by seq", (stream, first, last)
        )
        for row in rows:
            self._verify(row)
            self._ahead[stream, row[2]] = row

    def _verify(self, row: Any) -> None:
        id, stream, seq, parent, ts, turn, kind, ver, text, digest = row
        good = seq.__class__ is int and text.__class__ is str and digest.__class__ is bytes
        if good:
            at, before = self._before.get(stream, (0, b""))
            if at != seq - 1 or not before:
                before = self._digest_before(stream, seq)
            good = chain.link(before, seq, parent, ts, turn, kind, ver, text) == digest
        if not good:
            raise self.damaged(f"event {id} is not what was written")
        self._before[stream] = seq, digest

    def _made(self, row: Any) -> StoredEvent:
        id, stream, seq, parent, ts, turn, kind, ver, _, _ = row
        return StoredEvent(id, stream, seq, ts / 1e6, turn, kind, ver, self._body_of(row), parent)

    def _body_of(self, row: Any) -> Body:
        key = row[1], row[2]
        body = self._recent.get(key)
        if body is None:
            body = self._body(row[1], row[6], row[7], row[8])
            if len(self._recent) >= RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[key] = body
        return body

    def at(self, stream: int, seq: int) -> Body:
        """Return the body of an event by its identity. Raises SessionDamaged where it is missing."""
        return self._body_of(self._row(stream, seq))

    def _row(self, stream: int, seq: int) -> Any:
        row = self._ahead.get((stream, seq))
        if row is None:
            row = self._connection.execute(
                f"select {COLUMNS} from event where stream = ? and seq = ?", (stream, seq)
            ).fetchone()
            if row is None:
                raise self.damaged(f"event {seq} of stream {stream} is missing")
            before = self._before.get(stream)
            self._verify(row)
            if before is not None:
                self._before[stream] = before
        return row

    def damaged(self, what: str) -> SessionDamaged:
        return SessionDamaged(what, where=str(self.path), hint=REPAIR)

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Say of what SQLite can't read that the file is damaged."""
        try:
            yield
        except UNREADABLE as error:
            raise self.damaged(f"the file is damaged: {error}") from None

    def _digest_before(self, stream: int, seq: int) -> bytes:
        if seq == 1:
            row = self._connection.execute(
                "select uid, name, kind, parent from stream where id = ?", (stream,)
            ).fetchone()
            return chain.first(*row) if row else b""
        row = self._connection.execute("select h from event where stream = ? and seq = ?", (stream, seq - 1)).fetchone()
        return row[0] if row and row[0].__class__ is bytes else b""

    def _body(self, stream: int, kind: str, ver: int, text: str) -> Body:
        body: Body = parsed(text)
        if '"$' in text:
            body = self._resolved(stream, body)
        while (step := STEPS.get((kind, ver))) is not None:
            body, ver = step(body), ver + 1
        return body

    def _resolved(self, stream: int, value: Any) -> Any:
        if value.__class__ is list:
            return [self._resolved(stream, v) if v.__class__ in _NESTED else v for v in value]
        if "$ref" in value:
            return self._referred(stream, value)
        if "$blob" in value:
            return self._blob(value["$blob"]).decode("utf-8", "surrogatepass")
        if "$bytes" in value:
            return self._blob(value["$bytes"])
        return {
            k.removeprefix("$"): self._resolved(stream, v) if v.__class__ in _NESTED else v for k, v in value.items()
        }

    def _referred(self, stream: int, reference: Body) -> Any:
        """Return the message, the tool's result, or the call of a message that a reference names."""
        seq = reference["$ref"]
        body = self._recent.get((stream, seq))
        if body is None:
            row = self._row(stream, seq)
            # Only what is referred to is resolved, unless an older body must be brought up as a whole.
            body = parsed(row[8]) if (row[6], row[7]) not in STEPS else self._body_of(row)
            found = self._resolved(stream, body["message"] if "message" in body else body["result"])
        else:
            found = body["message"] if "message" in body else body["result"]
        if "id" not in reference:
            return found
        call = next((p for p in found["parts"] if p.get("id") == reference["id"]), None)
        if call is None:
            raise self.damaged(f"event {seq} of stream {stream} has no call {reference['id']!r}")
        return call

    def _blob(self, digest: str) -> bytes:
        from hashlib import sha256

        row = self._connection.execute("select data from blob where hash = ?", (bytes.fromhex(digest),)).fetchone()
        if row is None or sha256(row[0]).hexdigest() != digest:
            raise self.damaged(f"the content {digest[:12]} is missing or not what was written")
        return bytes(row[0])
