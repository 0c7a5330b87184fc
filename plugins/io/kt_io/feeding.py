"""Texts that come one after the other, each as a turn."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from kt import Agent, KTError
from kt.events import PluginFailed

from .asking import Closed, open_desk
from .events import InputEnded


@asynccontextmanager
async def feeding(
    agent: Agent, name: str, texts: AsyncGenerator[str, None], *, prefix: str = "", origin: str = ""
) -> AsyncIterator[None]:
    """Send each text of an async generator to the agent while it runs, the next one when the turn before has ended.

    Blank texts are left out. InputEnded says that the generator has ended; what it raises is published before that, as
    PluginFailed.
    """
    with open_desk(agent, name) as desk:

        async def pump() -> None:
            await desk.started.wait()
            try:
                async with aclosing(texts):
                    async for text in texts:
                        if text.strip():
                            await desk.ask(prefix + text, origin=origin).answer
            except Closed:
                return
            except (KTError, OSError) as error:
                agent.bus.publish(PluginFailed(f"input {name}", str(error)))
            agent.bus.publish(InputEnded(name))

        task = agent.spawn(pump(), name=f"{agent.name} input {name}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
