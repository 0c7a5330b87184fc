"""The tool `task`, by which a model hands work to a sub-agent."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kt import Context, Tool, ToolNeeds, ToolResult

from .spec import SubagentSpec

if TYPE_CHECKING:
    from kt import Plan

BACKGROUND = "run_in_background"
INTRODUCTION = """Hand a piece of work to a sub-agent. It has a conversation and tools of its own and knows nothing of \
this one: put into the prompt all that it needs, and what it is to return. You get its last message and nothing else.

It works in the background, and its answer comes as a message; so several can work at once. Sub-agents:"""


@dataclass(slots=True)
class Roster:
    """The sub-agents of one agent by name, and the plan that the agent was made of."""

    plan: "Plan"
    specs: dict[str, SubagentSpec]


class TaskTool(Tool):
    """The tool `task` of one agent; `roster` is what it can hand work to."""

    def __init__(self, roster: Roster) -> None:
        lines = [f"- {spec.name}: {spec.description or 'no description'}" for spec in roster.specs.values()]
        described = "\n".join([INTRODUCTION, *lines])
        super().__init__(task, description=described, background=True, needs=ToolNeeds(reads=()))
        self.roster = roster
        self.prompt_shares = [("subagent", name, line) for name, line in zip(roster.specs, lines, strict=True)]

    @property
    def parameters(self) -> Any:
        """Return the schema with the names to choose from; `wait` stands for what other tools call the background."""
        schema = super().parameters
        properties = {name: value for name, value in schema["properties"].items() if name != BACKGROUND}
        properties["agent"] = {**properties["agent"], "enum": list(self.roster.specs)}
        return {**schema, "properties": properties}


async def task(ctx: Context[Any], agent: str, prompt: str, id: str = "", wait: bool | None = None) -> ToolResult:
    """Hand a piece of work to a sub-agent.

    Args:
        agent: Which sub-agent.
        prompt: What it is to do, with all that it needs to know, and what it is to return.
        id: To go on with an earlier sub-agent's conversation: its id, such as s1.
        wait: True to wait for the answer here, false for the background.
    """
    result: ToolResult = await ctx.agent.plugin("subagents").run(ctx.call, agent, prompt, id)
    return result
