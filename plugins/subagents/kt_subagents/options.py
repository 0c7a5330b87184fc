"""What `Agent.build(subagents=...)` adds to an agent, and what a sub-agent has of its parent."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from kt import Agent, Plan
from kt.errors import ConfigError

from .link import Link
from .spec import specs_of
from .tool import Roster, TaskTool


def subagents(plan: Plan, value: Iterable[object]) -> None:
    """Give the agent the tool `task` and what it hands work to. Raises what `specs_of` raises."""
    if "subagents" in plan.dropped:
        return
    plan.use("subagents")
    plan.tools += (TaskTool(Roster(plan, specs_of(plan, value))),)


def subagent_of(plan: Plan, value: Link) -> None:
    """Make the agent a part of another one: its sandbox, its log, its tools, and its model where it has no own.

    Raises ConfigError where it would grant itself something.
    """
    parent = value.parent
    plan.objects.append(value)
    plan.sandbox = value.plan.sandbox
    plan.log, plan.session = _child_log(parent), parent.session
    if plan.provider is parent.provider:
        plan.model, plan.settings = parent.model, parent.settings
    _share_tools(plan, parent)


def is_guarded(agent: Agent) -> bool:
    """Tell whether a guard decides on the agent's calls."""
    return any(a.tier == "guard" and getattr(a.plugin, "decides", True) for a in agent.active)


def _share_tools(plan: Plan, parent: Agent) -> None:
    """Take tools that the parent has from it. Raises ConfigError for another one where nothing guards the parent."""
    theirs = {name: tool for name, tool in parent.tools.items() if not isinstance(tool, TaskTool)}
    other = tuple(name for name in plan.creature.tools if name not in theirs)
    if other and not is_guarded(parent):
        raise ConfigError(
            f"sub-agent {plan.creature.name!r} wants {', '.join(other)}, which {parent.name!r} does not have",
            hint="give the agent a guard, or these tools",
        )
    plan.tools += tuple(theirs[name] for name in plan.creature.tools if name in theirs)
    plan.creature = replace(plan.creature, tools=other)


def _child_log(parent: Agent) -> Any:
    """Return a log for a part of the agent, where its own log, or the one that this wraps, makes such; else None."""
    log: Any = parent.log
    while log is not None and not hasattr(log, "child"):
        log = getattr(log, "inner", None)
    return None if log is None else log.child()
