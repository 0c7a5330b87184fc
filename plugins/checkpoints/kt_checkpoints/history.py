"""What a session tells of files: which it changed after a turn, and what they were at that turn's end."""

from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from pathlib import PurePosixPath
from typing import Any, Protocol

from kt.errors import NotFound

from .events import FileKept, FilesChanged
from .files import MISSING, UNKNOWN, mode_of, state_of

NEVER = 2**63 - 1
"""The id of the last event of a turn that runs."""


class Stream(Protocol):
    """One agent's part of a session; a sub-agent's has a parent."""

    @property
    def id(self) -> int: ...
    @property
    def uid(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> int | None: ...


class Stored(Protocol):
    """One event of a session; `id` is its place among those of all streams."""

    @property
    def id(self) -> int: ...
    @property
    def stream(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


class Session(Protocol):
    """What is used of a `kt.SessionReader`."""

    @property
    def streams(self) -> Sequence[Stream]: ...
    def events(
        self, after: int = 0, *, kinds: Collection[str] | None = None, stream: int | str | None = None
    ) -> Iterator[Stored]: ...
    def event(self, id: int) -> Stored: ...


@dataclass(slots=True)
class Past:
    """What a session tells of one path, seen from the end of a turn.

    `then` is its state at that time, None where it is not known. `left` is the state in which the session's last change
    left it, None where there was none. `mixed` says that somebody else changed it between two changes of the session.
    """

    then: str | None = None
    left: str | None = None
    meant: bool = False
    mixed: bool = False
    _last: str | None = None

    def kept(self, state: str, call_id: str, *, later: bool) -> None:
        """Take up that the file had this state."""
        if not later:
            self.then = state
            return
        self.meant = self.meant or bool(call_id)
        if self._last is None:
            self.then = state
        elif self._last not in (UNKNOWN, state):
            self.mixed = True
        self._last = state

    def changed(self, state: str, *, later: bool) -> None:
        """Take up that a call left the file in this state."""
        if later:
            self.left = self._last = state
        else:
            self.then = state


@dataclass(slots=True)
class History:
    """The paths that a session changed after a turn, or was about to, and the folders that it made.

    `contents` has by state the ids of the events that have the content.
    """

    files: dict[str, Past]
    folders: set[str]
    contents: dict[str, list[int]]


def history(session: Session, after_turn: int, stream: int | str | None = None) -> History:
    """Return what a session tells of files since the end of turn `after_turn`; 0 is the beginning.

    Turns are those of `stream` (id, uid or name; None: the first). The changes of its sub-agents count as its own.
    Raises NotFound for a stream or turn that the session has not.
    """
    main = _stream(session, stream)
    boundary = _end_of(session, main.id, after_turn)
    files: dict[str, Past] = {}
    contents: dict[str, list[int]] = {}
    made: set[str] = set()
    cwd: dict[int, str] = {}
    kinds = (FileKept.kind, FilesChanged.kind, "agent_started")
    streams = [session.events(kinds=kinds, stream=id) for id in _family(session, main)]
    for event in merge(*streams, key=lambda e: e.id):
        body, later = event.body, event.id > boundary
        if event.kind == "agent_started":
            cwd[event.stream] = body["cwd"]
            continue
        seen = partial(_seen_from, cwd.get(main.id), cwd.get(event.stream))
        if event.kind == FilesChanged.kind:
            for path, state in body["paths"].items():
                files.setdefault(seen(path), Past()).changed(state, later=later)
            made |= {seen(folder) for folder in body.get("folders", ()) if later}
            continue
        files.setdefault(seen(body["path"]), Past()).kept(body["state"], body["call_id"], later=later)
        if body["state"] != MISSING:
            contents.setdefault(body["state"], []).append(event.id)
    return History({path: p for path, p in files.items() if p.left is not None or p.meant}, made, contents)


def content(session: Session, known: History, state: str) -> bytes | None:
    """Return the content of a file of this state; None where none is kept, or a secret was redacted from it."""
    for id in known.contents.get(state, ()):
        # A reader gives bytes as they are or, like `kt.encode`, as base64.
        data = session.event(id).body["data"]
        found = b64decode(data) if isinstance(data, str) else data
        if isinstance(found, bytes) and state_of(found, mode_of(state)) == state:
            return found
    return None


def _stream(session: Session, wanted: int | str | None) -> Stream:
    found = [s for s in session.streams if wanted is None or wanted in (s.id, s.uid, s.name)]
    if not found:
        raise NotFound(f"the session has no agent {wanted!r}" if wanted is not None else "the session is empty")
    return found[0] if wanted is None else found[-1]


def _family(session: Session, main: Stream) -> list[int]:
    """Return the ids of a stream and of all streams that descend from it."""
    found = [main.id]
    for id in found:
        found += [s.id for s in session.streams if s.parent == id and s.id not in found]
    return found


def _end_of(session: Session, stream: int, turn: int) -> int:
    """Return the id of a turn's last event. Raises NotFound where the stream has no such turn."""
    if turn == 0:
        return 0
    end, last, runs = 0, 0, False
    for event in session.events(kinds=("turn_started", "turn_ended"), stream=stream):
        number = event.body["turn"]
        if number != turn and runs:
            end, runs = event.id - 1, False  # it was interrupted: the next turn began, and it never ended
        if number == turn:
            end, runs = event.id, event.kind == "turn_started"
        last = max(last, number)
    if not end:
        raise NotFound(f"the session has no turn {turn}", hint=f"turns count from 1 to {last}" if last else "")
    return NEVER if runs else end


def _seen_from(main: str | None, own: str | None, path: str) -> str:
    """Return a path of an agent that works in `own` as seen from `main`; absolute where it lies elsewhere."""
    if main is None or own is None or main == own:
        return path
    full = PurePosixPath(own, path)
    return str(full.relative_to(main)) if full.is_relative_to(main) else str(full)
