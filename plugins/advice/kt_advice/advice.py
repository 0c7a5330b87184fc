"""Tools that block the event loop: everything else in the process waits while they run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kt import Agent, hookimpl
from kt.events import Advice, ToolEnded

SLOW = 0.05
"""Seconds."""


class SlowTools:
    """Publish an `Advice`, once a tool, for a sync tool that took longer than 50 ms without `blocking=True`."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        def heard(event: ToolEnded) -> None:
            tool = agent.tools.get(event.call.name)
            inline = tool is not None and not (tool.is_async or tool.blocking)
            if inline and event.seconds > SLOW and event.call.name not in self._told:
                self._told.add(event.call.name)
                took = f"{event.seconds * 1000:.0f} ms"
                text = f"tool {event.call.name!r} blocked the loop for {took}: use @tool(blocking=True)"
                agent.bus.publish(Advice(text))

        off = agent.bus.on(ToolEnded, heard)
        yield
        off()
