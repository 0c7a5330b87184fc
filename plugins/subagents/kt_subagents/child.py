"""Make the agent that a sub-agent is: never with more rights than its parent."""

from dataclasses import replace
from typing import Any

from kt import Agent, Limits, Plan, Profile, Turn
from kt.errors import LimitReached

from .link import Link
from .options import is_guarded
from .settings import Settings
from .spec import SubagentSpec

MADE_FOR_ONE = {"budget", "jobs", "output", "subagents"}
"""Plugins of which a sub-agent has a share, its own where it needs one, or none."""


async def build_child(link: Link, spec: SubagentSpec, settings: Settings) -> Agent:
    """Return a sub-agent, not yet started. Raises what `Agent.build` raises, and LimitReached for an empty budget."""
    parent, plan = link.parent, link.plan
    # It is heard and spoken to through its parent only.
    creature = replace(spec.creature, name=spec.name, input=None, outputs=(), triggers=())
    llm: Any = settings.models.get(spec.name) or creature.llm
    profile = _inherited(parent, plan, with_subagents=bool(creature.subagents), own_model=llm is not None)
    # What leaves a plugin out above leaves out no guard that the sub-agent asks for itself.
    plugins: list[object] = [f"no:{name}" for name in sorted(plan.dropped - {*profile.guards, *creature.guards})]
    plugins += [thing for thing in plan.objects if getattr(thing, "inherit", False)]
    if (budget := _budget_of(parent)) is not None:
        plugins += ["no:budget", budget.share(spec.share)]
    return await Agent.build(
        creature,
        llm=parent.provider if llm is None else llm,
        pwd=parent.pwd,
        profile=profile,
        plugins=plugins,
        guards=[guard for guard in plan.guards if not isinstance(guard, str)],
        deps=parent.deps,
        host=parent.host,
        unguarded=not is_guarded(parent),
        subagent_of=link,
    )


def _inherited(parent: Agent, plan: Plan, *, with_subagents: bool, own_model: bool) -> Profile:
    """Return the parent's plugins that the sub-agent has as well, with their settings; all of its guards."""
    guards = tuple(guard for guard in plan.guards if isinstance(guard, str))
    left_out = MADE_FOR_ONE - ({"subagents"} if with_subagents else set())
    left_out |= {a.name for a in parent.active if not getattr(a.plugin, "inherit", True)}
    if own_model:
        left_out |= {*getattr(plan.provider, "plugins", ())}
    uses: dict[str, Any] = {name: plan.uses[name] for name in plan.uses if name in guards or name not in left_out}
    return Profile("inherited", uses, guards)


def _budget_of(parent: Agent) -> Any:
    return next((a.plugin for a in parent.active if a.name == "budget" and hasattr(a.plugin, "share")), None)


class Allowance:
    """Bound what the sub-agents of one agent use by the token limit of its running turn."""

    def __init__(self) -> None:
        self._turn: Turn | None = None
        self._used = 0

    def limits(self, turn: Turn | None, own: Limits, share: float) -> Limits:
        """Return a sub-agent's own limits, its tokens at most `share` of what the turn has left.

        Raises LimitReached where nothing is left.
        """
        if turn is None or turn.limits.max_tokens is None:
            return own
        if turn is not self._turn:
            self._turn, self._used = turn, 0
        left = turn.limits.max_tokens - turn.usage.total - self._used
        if left <= 0:
            raise LimitReached(f"the turn and its sub-agents used its limit of {turn.limits.max_tokens} tokens")
        most = max(1, int(left * share))
        return replace(own, max_tokens=most if own.max_tokens is None else min(most, own.max_tokens))

    def charge(self, turn: Turn | None, tokens: int) -> None:
        """Count what a sub-agent of a turn used."""
        if turn is not None and turn is self._turn:
            self._used += tokens
