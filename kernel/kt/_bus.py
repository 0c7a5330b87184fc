"""The event bus: sync listeners by type, bounded streams for surfaces. Listeners fail open."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

from .events import Event, PluginFailed

E = TypeVar("E", bound=Event)
Listener = Callable[[Any], object]


class Slot:
    """Hold the listeners of one event type; `if slot.listeners:` is the guard before an event is built."""

    __slots__ = ("listeners",)

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()


class Bus:
    """Deliver events to listeners in the order they subscribed.

    `on(Event, f)` hears every type. A listener must not block; if it raises, `PluginFailed` is published and the
    others still hear the event.
    """

    __slots__ = ("_all", "_slots")

    def __init__(self) -> None:
        self._slots: dict[type[Event], Slot] = {}
        self._all: tuple[Listener, ...] = ()

    def slot(self, kind: type[Event]) -> Slot:
        """Return the slot of an event type, which stays the same for the life of the bus."""
        slot = self._slots.get(kind)
        if slot is None:
            slot = self._slots[kind] = Slot()
            slot.listeners = self._all
        return slot

    def wants(self, kind: type[Event]) -> bool:
        """Tell whether anybody listens to this type."""
        return bool(self.slot(kind).listeners)

    def on(self, kind: type[E], listener: Callable[[E], object]) -> Callable[[], None]:
        """Call `listener(event)` for each event of this type; return the function that unsubscribes it."""
        if kind is Event:
            self._all += (listener,)
            for slot in self._slots.values():
                slot.listeners += (listener,)
        else:
            self.slot(kind).listeners += (listener,)

        def off() -> None:
            def rest(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
                return tuple(x for x in listeners if x is not listener)

            if kind is Event:
                self._all = rest(self._all)
            for slot in self._slots.values() if kind is Event else (self.slot(kind),):
                slot.listeners = rest(slot.listeners)

        return off

    def publish(self, event: Event) -> None:
        """Hand the event to its listeners now, in this call."""
        slot = self._slots.get(type(event))
        for listener in self._all if slot is None else slot.listeners:
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
        stream = Stream(buffer)
        offs = [self.on(kind, stream.events.put_bounded) for kind in kinds or (Event,)]
        try:
            yield stream
        finally:
            for off in offs:
                off()
            stream.events.close()


class Buffer:
    """Hold the events that a stream has not given out yet; it outlives neither its listener nor its reader."""

    __slots__ = ("closed", "dropped", "items", "limit", "waiter")

    def __init__(self, limit: int | None) -> None:
        self.items: deque[Event] = deque()
        self.limit, self.closed, self.dropped = limit, False, 0
        self.waiter: asyncio.Future[None] | None = None

    def put(self, event: Event) -> None:
        """Take an event, whatever is waiting already."""
        self.items.append(event)
        if self.waiter is not None:
            self.wake()

    def put_bounded(self, event: Event) -> None:
        """Take an event if there is room, count it as dropped if not."""
        if self.limit is not None and len(self.items) >= self.limit:
            self.dropped += 1
        else:
            self.put(event)

    def close(self) -> None:
        self.closed = True
        self.wake()

    def wake(self) -> None:
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Stream:
    """Iterate over events as they come; `dropped` counts those that a slow reader missed."""

    __slots__ = ("events",)

    def __init__(self, limit: int | None = None) -> None:
        self.events = Buffer(limit)

    @property
    def dropped(self) -> int:
        return self.events.dropped

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        buffer = self.events
        while not buffer.items:
            if buffer.closed:
                raise StopAsyncIteration
            buffer.waiter = asyncio.get_running_loop().create_future()
            await buffer.waiter
        return buffer.items.popleft()
