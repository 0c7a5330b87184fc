"""What a surface shows beside the conversation: model, tokens, money, context, walls, what waits."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kt import Agent, Message, Usage
from kt.errors import MissingPlugin
from kt.events import LLMEnded


@dataclass(slots=True)
class Spent:
    """Tokens that went up and came down, and US dollars; `cost` is None where a price is unknown."""

    up: int = 0
    down: int = 0
    cost: float | None = 0.0
    last: int = 0
    """Tokens of the newest request and its reply: what the conversation fills of the context."""

    @classmethod
    def of(cls, history: Iterable[Message]) -> "Spent":
        """Return what the replies of a conversation say they used."""
        spent = cls()
        for message in history:
            if message.usage is not None:
                spent.take(message.usage)
        return spent

    def add(self, event: LLMEnded) -> None:
        """Take a reply in."""
        self.take(event.usage)

    def take(self, usage: Usage) -> None:
        self.up, self.down, self.last = self.up + usage.input, self.down + usage.output, usage.input + usage.output
        self.cost = None if self.cost is None or usage.cost is None else self.cost + usage.cost


def context_of(agent: Agent) -> int | None:
    """Return how many tokens the agent's model takes, None where that is unknown."""
    said = agent.settings.get("context_tokens")
    if isinstance(said, int):
        return said
    try:
        known: int | None = agent.plugin("prices").context(agent)
    except MissingPlugin:
        return None
    return known


def permissions_of(agent: Agent) -> Any:
    """Return the guard that asks for permission, None where there is none."""
    try:
        return agent.plugin("permissions")
    except MissingPlugin:
        return None


def jobs_of(agent: Agent) -> int:
    """Return how many jobs run in the background."""
    try:
        return len(agent.plugin("jobs").running)
    except MissingPlugin:
        return 0


def footer(agent: Agent, spent: Spent, *, context: int | None) -> list[str]:
    """Return what a footer says of an agent, in the order in which it may be cut from the end."""
    parts = [agent.model, f"up {short(spent.up)} down {short(spent.down)}"]
    if spent.cost is None:
        parts.append("cost unknown")
    elif spent.up:
        parts.append(f"${spent.cost:.4f}" if spent.cost < 0.1 else f"${spent.cost:.2f}")
    if context and spent.last:
        parts.append(f"context {100 * spent.last / context:.0f}%")
    guard = permissions_of(agent)
    parts.append(f"sandbox {agent.sandbox.level}" + (f", {guard.mode}" if guard is not None else ""))
    waiting = len(agent.inbox.items) if agent.has_input else 0
    parts += [f"{waiting} waiting"] if waiting else []
    parts += [f"{running} in the background"] if (running := jobs_of(agent)) else []
    return parts


def short(number: int) -> str:
    """Return a count in at most five characters: 999, 12.3k, 1.2M."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{unit}" if number < 100 * size else f"{number // size}{unit}"
    return str(number)


def seconds(taken: float) -> str:
    """Return a time as people say it: 0.4s, 12s, 3m05s."""
    if taken < 10:
        return f"{taken:.1f}s"
    return f"{taken:.0f}s" if taken < 60 else f"{int(taken // 60)}m{int(taken % 60):02}s"
