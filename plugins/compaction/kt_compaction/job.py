"""One compaction on its way, from its plan to the place of its summary."""

import asyncio
from dataclasses import dataclass, replace
from time import perf_counter

from kt import Agent, Message, Usage
from kt.errors import KTError

from .hooks import Compaction
from .plan import Plan
from .sizes import fixed_size, sizes_of
from .summariser import Summariser
from .summary import pins_of, summary_of, text_of


@dataclass(slots=True, eq=False)
class Job:
    """Hold one compaction: `text` is the summary once it is there, `error` says why there is none.

    `told` is the usage that the reply tells, `before` how many tokens the context had, `scale` the tokens of a
    character, `began` a time of perf_counter.
    """

    plan: Plan
    compaction: Compaction
    before: float
    scale: float
    summariser: Summariser
    began: float
    told: Usage | None = None
    task: "asyncio.Task[None] | None" = None
    text: str = ""
    error: str = ""

    async def make(self, agent: Agent) -> None:
        """Make the summary, through the hooks of other plugins. Raises ModelError for one that is of no use."""

        async def inner(compaction: Compaction) -> Message:
            return await self.summariser.make(compaction)

        reply = await agent.hooks.chain("kt_around_compaction", agent, inner)(self.compaction)
        self.told = reply.usage
        self.text = text_of(reply)

    async def wait(self) -> None:
        """Return when the summary is there, or has failed; whoever waits may be cancelled, the summary is not."""
        if self.task is not None:
            await asyncio.wait({self.task})

    def apply(self, agent: Agent) -> float:
        """Put the summary in its place, and return how many tokens the context has now.

        Raises KTError, and leaves the history alone, where it does not fit any more or is no gain.
        """
        plan = self.plan
        if not plan.fits(agent.history):
            raise KTError("the history was changed while the summary was made")
        summary = summary_of(self.text, plan.prefix, pins_of(agent), kept=len(plan.kept))
        if sizes_of([summary]) >= plan.replaced:
            raise KTError("the summary is no shorter than what it replaces")
        agent.edit_history(0, len(plan.prefix), [summary, *plan.kept], by="compaction")
        return self.scale * (sizes_of(agent.history) + fixed_size(agent.system, agent.tool_list))

    @property
    def usage(self) -> Usage:
        """Return what it used, as far as it got."""
        return replace(self.told or self.summariser.usage)

    @property
    def seconds(self) -> float:
        return perf_counter() - self.began
