"""The engine's event stream: what its graphs and agents do, in one order, filtered, bounded."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kt.events import Event

from .events import GraphEvent, MessageDelivered

if TYPE_CHECKING:
    from .engine import Terrarium
    from .member import Member


@dataclass(slots=True)
class Seen:
    """An event with its place: `number` counts what the engine published, `creature` is "" for a whole graph's."""

    number: int
    time: float
    graph: str
    creature: str
    event: Event


class Feed:
    """An async iterator of what one subscriber wants to see; `dropped` counts what it was too slow for."""

    def __init__(self, wanted: Callable[[Seen], bool], agents: bool, buffer: int) -> None:
        self.wanted, self.agents, self.buffer = wanted, agents, buffer
        self.items: deque[Seen] = deque()
        self.dropped = 0
        self._flag, self._closed = asyncio.Event(), False

    def put(self, seen: Seen) -> None:
        """Take an event, if there is room for it."""
        if len(self.items) < self.buffer:
            self.items.append(seen)
            self._flag.set()
        else:
            self.dropped += 1

    def close(self) -> None:
        """End the iteration, after what is there."""
        self._closed = True
        self._flag.set()

    def __aiter__(self) -> AsyncIterator[Seen]:
        return self

    async def __anext__(self) -> Seen:
        while not self.items:
            if self._closed:
                raise StopAsyncIteration
            self._flag.clear()
            await self._flag.wait()
        return self.items.popleft()


class Feeds:
    """Who watches an engine. Agents are listened to only while somebody wants to see their events."""

    def __init__(self, engine: "Terrarium") -> None:
        self._engine = engine
        self._feeds: list[Feed] = []
        self._taps: dict[str, Callable[[], None]] = {}
        self._count = 0

    @property
    def any(self) -> bool:
        return bool(self._feeds)

    @asynccontextmanager
    async def open(
        self, kinds: tuple[type[Event], ...], creature: str | None, graph: str | None, channel: str | None, buffer: int
    ) -> AsyncIterator[Feed]:
        """Yield a feed of events of some kinds, of a creature, a graph, a channel."""

        def wanted(seen: Seen) -> bool:
            return (
                (not kinds or isinstance(seen.event, kinds))
                and creature in (None, seen.creature)
                and graph in (None, seen.graph)
                and channel in (None, getattr(seen.event, "channel", None))
            )

        agents = channel is None and not (kinds and all(issubclass(k, GraphEvent | MessageDelivered) for k in kinds))
        feed = Feed(wanted, agents, buffer)
        self._feeds.append(feed)
        for member in self._engine.members.values():
            self.tap(member)
        try:
            yield feed
        finally:
            self._feeds.remove(feed)
            feed.close()
            if not any(f.agents for f in self._feeds):
                self._untap_all()

    def publish(self, graph: str, creature: str, event: Event) -> None:
        """Show an event to everybody who wants to see it."""
        self._count += 1
        seen = Seen(self._count, self._engine.host.clock.time(), graph, creature, event)
        for feed in self._feeds:
            if feed.wanted(seen):
                feed.put(seen)

    def tap(self, member: "Member") -> None:
        """Listen to an agent, if somebody wants to see what agents do."""
        if member.name in self._taps or not any(f.agents for f in self._feeds):
            return

        def heard(event: Event) -> None:
            self.publish(member.graph.id, member.name, event)

        self._taps[member.name] = member.agent.bus.on(Event, heard)

    def untap(self, name: str) -> None:
        """Listen to an agent no longer."""
        if (off := self._taps.pop(name, None)) is not None:
            off()

    def _untap_all(self) -> None:
        for name in list(self._taps):
            self.untap(name)

    def close(self) -> None:
        """End every feed."""
        self._untap_all()
        for feed in self._feeds:
            feed.close()
