"""The plugin `prices`: what a call cost, where the provider does not say it and the price is known."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from kt import Agent, Message, Request, Turn, Usage, hookimpl

from .catalogue import catalogue_name, own_price, price_of


@dataclass(slots=True)
class Settings:
    """Own prices by "provider/model": USD for a million tokens of `input`, `output`, `cached`, `cache_write`."""

    prices: dict[str, dict[str, float]] = field(default_factory=dict)


class Prices:
    """Fill in `usage.cost` in USD, of each reply and of the turn; a price that is unknown stays None, never 0."""

    Config = Settings
    tier = "outer"

    def __init__(self, config: Settings) -> None:
        self.config = config
        self._turn: Turn | None = None
        self._cost: float | None = 0.0

    @hookimpl(tryfirst=True)
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        turn = agent.turn
        assert turn is not None
        if turn is not self._turn:
            self._turn, self._cost = turn, 0.0
        before = replace(turn.usage)
        try:
            reply = await next(request)
        except BaseException:
            if _since(before, turn.usage).total:
                self._cost = None  # something was answered that no reply tells of
            raise
        if reply.usage is not None:
            self._tell(agent, turn, reply, _since(before, turn.usage))
        return reply

    def _tell(self, agent: Agent, turn: Turn, reply: Message, used: Usage) -> None:
        """Give the reply its cost, and the turn the sum of what its calls cost, unknown if one of them is."""
        assert reply.usage is not None
        if reply.usage.cost is None:
            reply.usage.cost = self.price(agent, reply, used)
        cost = reply.usage.cost
        self._cost = None if cost is None or self._cost is None else self._cost + cost
        turn.usage.cost = self._cost

    def price(self, agent: Agent, reply: Message, used: Usage) -> float | None:
        """Return what a reply cost in USD, None where the price of its model is unknown."""
        provider, _, model = agent.model.partition("/")
        for name in (agent.model, f"{provider}/{reply.model}"):
            if name in self.config.prices:
                return own_price(used, self.config.prices[name])
        registry = agent.host.registry
        settings = registry.find("config", "endpoints")
        known = catalogue_name(registry, provider, settings.load()() if settings is not None else {})
        if known is None:
            return None
        said = price_of(used, reply.model, known) if reply.model else None
        return said if said is not None else price_of(used, model, known)


def _since(before: Usage, now: Usage) -> Usage:
    """Return what was used since; a hook further in may have asked more than once."""
    return Usage(
        now.input - before.input,
        now.output - before.output,
        now.cached - before.cached,
        now.cache_write - before.cache_write,
        now.reasoning - before.reasoning,
    )
