"""Events that are written while no agent runs."""

import time
from pathlib import Path

from kt.events import Logged

from .bodies import plain, version_of
from .file import Event, SessionFile, Stream


def append(path: Path, stream: int, event: Logged) -> None:
    """Append an event to a stream of a session that nobody writes. Raises SessionLocked, SessionDamaged."""
    file = SessionFile(path)
    connection = file.open()
    try:
        file.commit(connection, [event_of(file.streams[stream - 1], event)])
    finally:
        file.close(connection)


def event_of(stream: Stream, event: Logged, *, parent: int | None = None) -> Event:
    """Return an event as the next one of a stream; with `parent` it follows that one."""
    body = plain(event)
    body.pop("seq", None)
    version = version_of(event.kind)
    stream.seq += 1  # last: an event that can't be written down leaves no gap
    return stream.id, stream.seq, parent, time.time_ns() // 1000, None, event.kind, version, body
