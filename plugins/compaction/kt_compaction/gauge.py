"""How full the context is: what the provider counted, and an estimate of what came since."""

from collections.abc import Sequence
from typing import Any

from kt import Agent, Message, Usage
from kt.errors import MissingPlugin

from .settings import Settings
from .sizes import CHARS_A_TOKEN, sizes_of

DEFAULT_CONTEXT = 128_000
LOOK_UP = 4000
"""Tokens below which no model's context is nearly full, so that its size need not be known yet."""
GROWTH = 1.1
"""How much more there must be before the next attempt after one that failed."""


class Gauge:
    """Tell how many tokens the next request has (`now`), and from how many on something is `due` or the context `full`.

    `limit` is the size of the context in tokens; `used` is what the conversation had when it was `counted` messages
    long. The check that each call pays is a comparison with `due` or `full`.
    """

    __slots__ = ("_settings", "counted", "due", "full", "limit", "model", "used")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.used = 0.0
        self.counted, self.model = 0, ""
        self.limit = settings.context_tokens or 0
        self.due = self.full = float(LOOK_UP)
        if self.limit:
            self._set_marks()

    def now(self, history: Sequence[Message]) -> float:
        """Return the tokens of a conversation: those of the last reply's usage, and a guess at what was added since."""
        if self.counted > len(history) + 1:  # the reply that was counted may still be on its way into the history
            self.used, self.counted = 0.0, 0
        if added := history[self.counted :]:
            self.used, self.counted = self.used + sizes_of(added) / CHARS_A_TOKEN, len(history)
        return self.used

    def measured(self, usage: Usage, length: int) -> None:
        """Take what a provider counted for a conversation of so many messages."""
        self.used, self.counted = float(usage.input + usage.output), length

    def look_up(self, agent: Agent) -> None:
        """Find out how much the agent's model takes, if that isn't known."""
        if self.model != agent.model:
            self.model, self.limit = agent.model, self._settings.context_tokens or context_of(agent) or DEFAULT_CONTEXT
            self._set_marks()

    def refused(self, tokens: float) -> None:
        """Learn that the context is smaller than so many tokens."""
        self.limit = max(1, min(self.limit, int(tokens)))
        self._set_marks()

    def failed(self, tokens: float) -> None:
        """Let nothing be due before the context has grown."""
        self.due = max(self.due, tokens * GROWTH)

    def shrunk(self, tokens: float, length: int) -> None:
        """Take the estimate of what is left after a compaction."""
        self.used, self.counted = tokens, length
        self._set_marks()
        self.due = max(self.due, tokens * GROWTH)

    def target(self, tokens: float) -> float:
        """Return how many of so many tokens are to stay."""
        return self._settings.target * min(tokens, self.limit)

    def _set_marks(self) -> None:
        self.due, self.full = self._settings.at * self.limit, self._settings.hard * self.limit


def prices_of(agent: Agent) -> Any:
    """Return the plugin `prices` of an agent, None where it has none."""
    try:
        return agent.plugin("prices")
    except MissingPlugin:
        return None


def context_of(agent: Agent) -> int | None:
    """Return the size of the context of an agent's model in tokens, None where nobody knows it."""
    prices = prices_of(agent)
    known: int | None = None if prices is None else prices.context(agent)
    return known
