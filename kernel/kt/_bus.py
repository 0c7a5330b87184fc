"""The event bus: sync listeners by type, bounded streams for surfaces. Listeners fail open."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ._stream import Stream
from .events import Event, PluginFailed, TextDelta

E = TypeVar("E", bound=Event)
Listener = Callable[[Any], object]


class Bus:
    """Deliver events to listeners in the order they subscribed.

    `on(Event, f)` hears every type. A listener must not block; if it raises, `PluginFailed` is published and the
    others still hear the event. `text` holds the listeners of TextDelta, so that a delta nobody hears is never built;
    `heard` says that there is any listener. `scrub` takes out in place what no listener may hear; a delta of text
    passes it by, so who sets it also wraps the requests' `emit`.
    """

    __slots__ = ("_all", "_by_type", "heard", "scrub", "text")

    def __init__(self) -> None:
        self._by_type: dict[type[Event], tuple[Listener, ...]] | None = None
        self._all: tuple[Listener, ...] = ()
        self.text: tuple[Listener, ...] = ()
        self.heard = False
        self.scrub: Callable[[Event], None] | None = None

    def listeners(self, kind: type[Event]) -> tuple[Listener, ...]:
        """Return who hears events of this type."""
        return self._by_type.get(kind, self._all) if self._by_type else self._all

    def on(self, kind: type[E], listener: Callable[[E], object]) -> Callable[[], None]:
        """Call `listener(event)` for each event of this type; return the function that unsubscribes it."""

        def change(edit: Callable[[tuple[Listener, ...]], tuple[Listener, ...]]) -> None:
            known = self._by_type = self._by_type or {}
            if kind is Event:
                self._all = edit(self._all)
            else:
                known.setdefault(kind, self._all)
            for each in known if kind is Event else (kind,):
                known[each] = edit(known[each])
            self.text = self.listeners(TextDelta)
            self.heard = bool(self._all) or any(known.values())

        def without(now: tuple[Listener, ...]) -> tuple[Listener, ...]:
            at = next((i for i, x in enumerate(now) if x is listener), len(now))
            return now[:at] + now[at + 1 :]

        change(lambda now: (*now, listener))
        return lambda: change(without)

    def publish(self, event: Event) -> None:
        """Hand the event to its listeners now, in this call."""
        if self.scrub is not None:
            self.scrub(event)
        known = self._by_type
        for listener in known.get(event.__class__, self._all) if known else self._all:
            try:
                listener(event)
            except Exception as error:
                if type(event) is not PluginFailed:
                    self.failed(listener, error)

    def failed(self, listener: Listener, error: Exception) -> None:
        """Publish that a listener raised."""
        name = getattr(listener, "__qualname__", repr(listener))
        self.publish(PluginFailed(name, f"{type(error).__name__}: {error}"))

    @asynccontextmanager
    async def stream(self, *kinds: type[Event], buffer: int = 1000) -> AsyncIterator["Stream"]:
        """Yield an async iterator of the events of `kinds` (none: all); what overflows is dropped and counted."""
        stream = Stream()

        def put(event: Event) -> None:
            if len(stream.items) < buffer:
                stream.put(event)
            else:
                stream.dropped += 1

        offs = [self.on(kind, put) for kind in kinds or (Event,)]
        try:
            yield stream
        finally:
            for off in offs:
                off()
            stream.close()
