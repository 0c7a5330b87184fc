"""Async iterators over events: of a bus, and of one turn."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Self

from .events import Event

if TYPE_CHECKING:
    from ._agent import Agent
    from ._turn import Turn


class Stream:
    """Iterate over events as they come; `dropped` counts those that a slow reader missed."""

    __slots__ = ("closed", "dropped", "items", "waiter")

    def __init__(self) -> None:
        self.items: deque[Event] = deque()
        self.waiter: asyncio.Future[None] | None = None
        self.closed, self.dropped = False, 0

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

    async def more(self) -> bool:
        """Wait for an event; return False at the end."""
        while not self.items and not self.closed:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        return bool(self.items)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if not await self.more():
            raise StopAsyncIteration
        return self.items.popleft()


async def turn_events(agent: "Agent", turn: "Turn", timeout: float | None) -> AsyncGenerator[Event, None]:
    """Yield the events of one turn, which starts with the iteration and is cancelled where that is left."""
    from ._execute import execute

    stream = Stream()
    turn.tap, items = stream.put, stream.items
    task = agent.spawn(execute(agent, turn, timeout=timeout), name=f"{agent.name} turn {turn.id}")
    task.add_done_callback(lambda _: stream.close())
    try:
        while await stream.more():
            while items:
                yield items.popleft()
    finally:
        turn.cancel()
        if not task.done():
            await asyncio.wait([task])
