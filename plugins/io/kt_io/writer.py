"""Write text from a thread, in the order it came, without making the loop wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kt import Agent
from kt.events import PluginFailed

MAX_WAITING = 16 * 1024 * 1024
STOP_SECONDS = 5.0


class Writer:
    """Hand text to `write`, which runs in a thread; what it raises is published as PluginFailed, and the agent goes on.

    Where more than 16 Mi characters wait, because nobody reads, what comes then is dropped. The same trouble is
    published once, until something was written again.
    """

    def __init__(self, agent: Agent, name: str, write: Callable[[str], object]) -> None:
        self._agent, self._name, self._write = agent, name, write
        self._waiting: list[str] = []
        self._size = 0
        self._trouble = ""
        self._more = asyncio.Event()
        self._done = False

    def put(self, text: str) -> None:
        """Have text written soon."""
        if self._size + len(text) > MAX_WAITING:
            return self.failed("nobody reads what is written: some of it is dropped")
        self._waiting.append(text)
        self._size += len(text)
        self._more.set()

    def end(self) -> None:
        """Let `run` return once everything is written."""
        self._done = True
        self._more.set()

    async def run(self) -> None:
        """Write until the end."""
        while self._waiting or not self._done:
            await self._more.wait()
            self._more.clear()
            if self._waiting:
                await self._write_all()

    def failed(self, why: str) -> None:
        """Publish what is wrong, unless that is known."""
        if why != self._trouble:
            self._trouble = why
            self._agent.bus.publish(PluginFailed(self._name, why))

    async def _write_all(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        try:
            await asyncio.to_thread(self._write, text)
            self._trouble = ""
        except (OSError, ValueError) as error:
            self.failed(f"can't write: {error}")
        finally:
            self._size = sum(map(len, self._waiting))


@asynccontextmanager
async def writing(agent: Agent, name: str, write: Callable[[str], object]) -> AsyncIterator[Writer]:
    """Yield a Writer; at the end all is written, unless that takes more than five seconds."""
    writer = Writer(agent, name, write)
    task = agent.spawn(writer.run(), name=f"{agent.name} {name}")
    try:
        yield writer
    finally:
        writer.end()
        _, late = await asyncio.wait([task], timeout=STOP_SECONDS)
        if late:
            writer.failed("the last of it was not written: nobody reads it")
            task.cancel()
            await asyncio.wait([task])
