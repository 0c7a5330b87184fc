"""An async iterator over events."""

import asyncio
from collections import deque
from typing import Self

from .events import Event


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
