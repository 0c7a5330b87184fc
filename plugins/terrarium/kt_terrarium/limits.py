"""What a graph may spend, and how many creatures it may have."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kt import Usage
from kt.errors import LimitReached

from .events import GraphLimitReached, GraphSpent

if TYPE_CHECKING:
    from kt import Turn

    from .engine import Terrarium
    from .graph import Graph
    from .member import Member


@dataclass(slots=True)
class GraphLimits:
    """Bound a graph: creatures, model calls, tokens (input + output), USD, and hops of a chain of messages."""

    max_creatures: int | None = None
    max_turns: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    max_hops: int = 50


def exceeded(graph: "Graph") -> str:
    """Return what of its limits a graph has used up, "" for none."""
    limits = graph.limits
    if limits.max_usd is not None and graph.spent.cost is None and graph.spent.total:
        return "the price of a model call is unknown, so the graph's limit in USD can't be kept"
    spent = {"max_turns": graph.calls, "max_tokens": graph.spent.total, "max_usd": graph.spent.cost or 0.0}
    units = {"max_turns": "model calls", "max_tokens": "tokens", "max_usd": "USD"}
    for name, used in spent.items():
        bound = getattr(limits, name)
        if bound is not None and used >= bound:
            return f"the graph used {used:g} {units[name]}; its limit is {bound:g}"
    return ""


def limited(limits: GraphLimits) -> bool:
    """Tell whether what a graph spends is bounded."""
    return any(bound is not None for bound in (limits.max_turns, limits.max_tokens, limits.max_usd))


def check_room(limits: GraphLimits, wanted: int) -> None:
    """Raise LimitReached where a graph would have too many creatures."""
    if limits.max_creatures is not None and wanted > limits.max_creatures:
        raise LimitReached(f"{wanted} creatures are too many; the limit is {limits.max_creatures}")


def refuse_spent(graph: "Graph", turn: "Turn") -> None:
    """End a turn that begins in a graph that has spent what it may, before its model is asked."""
    if graph.exhausted:
        turn.cancel(LimitReached(graph.exhausted, where=f"graph {graph.name or graph.id}"))


def spend(engine: "Terrarium", member: "Member", usage: Usage, calls: int = 1) -> None:
    """Count what model calls used; end everything in a graph that has spent what it may."""
    graph = member.graph
    graph.spent.add(usage)
    graph.calls += calls
    if limited(graph.limits):
        used = graph.spent
        engine.record(graph, GraphSpent(graph.calls, used.input, used.output, used.cost))
    over = exceeded(graph)
    if over and not graph.exhausted:
        graph.exhausted = over
        engine.record(graph, GraphLimitReached(over))
        for other in graph.members.values():
            if other.agent.turn is not None:
                other.agent.turn.cancel(LimitReached(over, where=f"graph {graph.name or graph.id}"))
