"""What ties a running sub-agent to its parent: its questions go up, its events are told there."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kt import Agent, TurnResult, hookimpl
from kt.events import Event, TextDelta, ThinkingDelta, ToolCallDelta, TurnEnded

from .events import SubagentActivity

if TYPE_CHECKING:
    from kt import Plan


class Link:
    """A plugin of the sub-agent `id`; `plan` is what its parent was made of, `ended` how its last turn ended."""

    name = "subagent"

    def __init__(self, parent: Agent, plan: "Plan", id: str, label: str, *, depth: int) -> None:
        self.parent, self.plan, self.id, self.label, self.depth = parent, plan, id, label, depth
        self.ended: TurnResult | None = None

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        if (above := agent.host.registry.find("questions", "above")) is not None:
            agent.questions = above.load()(self.parent, f"{self.label} ({self.id})")
        off = agent.bus.on(TurnEnded, self._ended)
        try:
            yield
        finally:
            off()

    def _ended(self, event: TurnEnded) -> None:
        self.ended = event.result

    def tell(self, agent: Agent) -> Callable[[], None]:
        """Publish what the sub-agent does on its parent's bus, if anybody listens; return what ends that."""
        if not self.parent.bus.listeners(SubagentActivity):
            return lambda: None

        def forward(event: Event) -> None:
            if not isinstance(event, TextDelta | ThinkingDelta | ToolCallDelta):
                self.parent.bus.publish(SubagentActivity(self.id, self.label, event))

        return agent.bus.on(Event, forward)


def link_of(agent: Agent) -> Link | None:
    """Return what ties an agent to its parent; None for one that is nobody's sub-agent."""
    return next((a.plugin for a in agent.active if isinstance(a.plugin, Link)), None)
