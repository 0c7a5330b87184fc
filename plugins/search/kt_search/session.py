"""Sessions as this plugin sees them: kt-sessions brings the reader and finds the files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from kt import Registry
from kt.errors import KTError, MissingPlugin, NotFound

MISSING = "there are no sessions without kt-sessions"
INSTALL = "pip install kt-sessions"


class StoredEvent(Protocol):
    """An event of a session file; `time` is in seconds since the epoch."""

    @property
    def id(self) -> int: ...
    @property
    def stream(self) -> int: ...
    @property
    def seq(self) -> int: ...
    @property
    def time(self) -> float: ...
    @property
    def turn(self) -> int | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


class StreamInfo(Protocol):
    """The log of one agent or channel in a session."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


class Session(Protocol):
    """The part of `kt.SessionReader` that is used here: `uid` tells it from all others, `last` is the newest event."""

    @property
    def path(self) -> Path: ...
    @property
    def uid(self) -> str: ...
    @property
    def last(self) -> int: ...
    @property
    def streams(self) -> Sequence[StreamInfo]: ...
    def events(self, after: int = 0) -> Iterator[StoredEvent]: ...
    def event(self, id: int) -> StoredEvent: ...
    def made(self) -> Mapping[str, Any]: ...
    def __enter__(self) -> "Session": ...
    def __exit__(self, *error: object) -> None: ...


def open_session(path: Path) -> Session:
    """Return a reader of a session file, a context manager. Raises MissingPlugin, NotFound, DataError."""
    from kt import SessionReader

    reader: Session = SessionReader(path)
    return reader


def find_session(registry: Registry, name: str | None) -> Path:
    """Return the file of a session by name, its beginning or its path; None: the newest. Raises NotFound."""
    return Path(_loader(registry, "session")(registry, name))


def all_sessions(registry: Registry) -> list[Path]:
    """Return the files of all sessions."""
    return [Path(path) for path in _loader(registry, "sessions")(registry)]


def sessions_in(registry: Registry, folder: Path) -> tuple[list[Path], list[str]]:
    """Return the files of the sessions whose first agent works in a folder, and the names of what can't be read."""
    found, unreadable = [], []
    for path in all_sessions(registry):
        try:
            with open_session(path) as session:
                if session.made().get("pwd") == str(folder):
                    found.append(path)
        except NotFound:
            continue  # it ended before its agent had started
        except KTError:
            unreadable.append(path.stem)
    return found, unreadable


def _loader(registry: Registry, name: str) -> Any:
    if (found := registry.find("loader", name)) is None:
        raise MissingPlugin(MISSING, hint=INSTALL)
    return found.load()
