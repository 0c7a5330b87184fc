"""What the others of a team do, told to who listens to its root."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from kt import Agent
from kt.events import TextDelta, ThinkingDelta, ToolCallDelta

from .events import GraphEvent, TeamActivity

if TYPE_CHECKING:
    from .engine import Terrarium
    from .feeds import Feed

DELTAS = (TextDelta, ThinkingDelta, ToolCallDelta)


class Relay:
    """Publish TeamActivity on the bus of a team's root; the others are listened to only while somebody hears that."""

    def __init__(self, engine: "Terrarium", root: Agent) -> None:
        self.engine, self.root = engine, root
        self._task: asyncio.Task[None] | None = None

    def heard(self, own: int = 0) -> bool:
        """Tell whether anybody listens to the root for what the others do, besides `own` listeners of the engine."""
        return len(self.root.bus.listeners(TeamActivity)) > own

    async def begin(self) -> None:
        """Listen to the others, where somebody wants to hear of them and it is not done yet."""
        if self.heard() and (self._task is None or self._task.done()):
            scope = AsyncExitStack()
            feed = await scope.enter_async_context(self.engine.subscribe())
            self._task = self.engine.host.spawn(self._tell(scope, feed), name=f"activity of {self.root.name}'s team")

    async def end(self) -> None:
        """Tell what is still to be told; the engine is closed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _tell(self, scope: AsyncExitStack, feed: "Feed") -> None:
        async with scope:
            async for seen in feed:
                event = seen.event
                own = seen.creature == self.root.name and not isinstance(event, GraphEvent)
                if own or isinstance(event, DELTAS):
                    continue
                if not self.heard(own=1):  # the feed itself listens to the root as well
                    return
                who = seen.creature or str(getattr(event, "sender", ""))
                self.root.bus.publish(TeamActivity(who, event))
