"""Async iterators over events: of a bus, and of one turn."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from .events import Event

if TYPE_CHECKING:
    from ._agent import Agent
    from ._turn import Turn


class Buffer:
    """Hold the events that a stream has not given out yet; it outlives neither its listener nor its reader."""

    __slots__ = ("closed", "items", "waiter")

    def __init__(self) -> None:
        self.items: deque[Event] = deque()
        self.waiter: asyncio.Future[None] | None = None
        self.closed = False

    def put(self, event: Event) -> None:
        self.items.append(event)
        if self.waiter is not None:
            self.wake()

    def close(self) -> None:
        self.closed = True
        self.wake()

    def wake(self) -> None:
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Stream:
    """Iterate over events as they come; `dropped` counts those that a slow reader missed."""

    __slots__ = ("dropped", "events")

    def __init__(self) -> None:
        self.events, self.dropped = Buffer(), 0

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


class TurnStream(Stream):
    """Iterate over the events of one turn; breaking out of the loop, or losing this object, cancels the turn."""

    __slots__ = ("_loop", "_turn")

    def __init__(self, agent: "Agent", turn: "Turn", timeout: float | None) -> None:
        from ._execute import execute

        super().__init__()
        self._turn, self._loop, events = turn, asyncio.get_running_loop(), self.events
        turn.tap = events.put
        task = agent.spawn(execute(agent, turn, timeout=timeout), name=f"{agent.name} turn {turn.id}")
        task.add_done_callback(lambda _: events.close())

    async def aclose(self) -> None:
        """Cancel the turn, unless it has ended, and wait for its end."""
        self._turn.cancel()
        async for _ in self:
            pass

    def __del__(self) -> None:
        if not self._turn.ended and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._turn.cancel)
