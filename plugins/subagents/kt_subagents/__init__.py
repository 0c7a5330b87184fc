"""Sub-agents: agents that an agent hands work to, each with a history, tools and a budget of its own."""

from typing import TYPE_CHECKING, Any

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_addhooks(manager: Any) -> None:
    from .hooks import SubagentHooks

    manager.add_hookspecs(SubagentHooks)


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("subagents", "kt_subagents.plugin:Subagents", help="agents that an agent hands work to")
    registry.build_option("subagents", "kt_subagents.options:subagents", help="what the agent can hand work to")
    registry.build_option("subagent_of", "kt_subagents.options:subagent_of", help="what an agent has of its parent")
    registry.add("loader", "subagents", "kt_subagents.spec:creatures_of", help="what the sub-agents of a creature are")
    registry.add("subagent", "explore", "kt_subagents.roles:explore", help="finds its way in a folder; reads only")
    registry.add("subagent", "plan", "kt_subagents.roles:plan", help="works out a plan from what is there; reads only")
    registry.add("subagent", "review", "kt_subagents.roles:review", help="looks for defects in a change; reads only")
    registry.add("subagent", "research", "kt_subagents.roles:research", help="answers a question from the web")
    registry.add("subagent", "summarise", "kt_subagents.roles:summarise", help="makes a long text short; has no tools")
    registry.add("subagent", "worker", "kt_subagents.roles:worker", help="does a well-described piece of work")
    registry.add("subagent", "memory", "kt_subagents.roles:memory", help="finds what was said and done before")
    registry.add(
        "chat_command",
        "agents",
        "kt_subagents.chat:agents",
        help="the sub-agents, at work and ended: /agents [stop ID]",
        complete="kt_subagents.chat:words",
    )
