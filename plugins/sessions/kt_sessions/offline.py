"""Events that are written while no agent runs."""

import time

from kt.events import Logged

from .bodies import VERSIONS, plain
from .file import Event, Stream


def event_of(stream: Stream, event: Logged, *, parent: int | None = None) -> Event:
    """Return an event as the next one of a stream; with `parent` it follows that one."""
    stream.seq += 1
    body = plain(event)
    body.pop("seq", None)
    version = VERSIONS.get(event.kind, 1)
    return stream.id, stream.seq, parent, time.time_ns() // 1000, None, event.kind, version, body
