"""The hook of sub-agents: what stands around the work of one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kt import TurnResult, hookspec

from .spec import SubagentSpec

if TYPE_CHECKING:
    from kt import Agent

    NextSubagent: TypeAlias = "Callable[[SubagentTask], Awaitable[TurnResult]]"


@dataclass(slots=True)
class SubagentTask:
    """Hold what a sub-agent is to do; change it with `dataclasses.replace`, never in place."""

    id: str
    name: str
    prompt: str
    spec: SubagentSpec


class SubagentHooks:
    """Hook specifications that the plugin `subagents` adds."""

    @hookspec
    async def kt_around_subagent(self, agent: "Agent", task: SubagentTask, next: "NextSubagent") -> TurnResult:
        """Wrap the work of one sub-agent of `agent`. Return a TurnResult without `next`, and none is made.

        Raise Vetoed to refuse it. Calling `next` again lets a new sub-agent try, or the same one where the task goes
        on with an earlier conversation.
        """
