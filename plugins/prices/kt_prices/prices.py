"""The plugin `prices`: what a call cost, where the provider does not say it and the price is known."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kt import Agent, Message, Request, Turn, Usage, hookimpl

from .catalogue import catalogue_name, context_of, has, price_of, terms_of
from .own import OwnPrice


@dataclass(slots=True)
class Settings:
    """`prices`: own prices by "provider/model"."""

    prices: dict[str, OwnPrice] = field(default_factory=dict)


class Prices:
    """Fill in `usage.cost` in USD, of each reply and of the turn; a price that is unknown stays None, never 0."""

    Config = Settings
    tier = "outer"

    def __init__(self, config: Settings) -> None:
        self.config = config
        self._names: dict[str, str | None] = {}
        self._untold: Turn | None = None

    # Last of its tier: whatever asks again further out is counted call by call.
    @hookimpl(trylast=True)
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        turn = agent.turn
        assert turn is not None
        before, began, reply = replace(turn.usage), turn.turns, None
        try:
            reply = await next(request)
            return reply
        finally:
            if calls := turn.turns - began:
                self._count(agent, turn, request, before, reply, calls)

    def _count(
        self, agent: Agent, turn: Turn, request: Request, before: Usage, reply: Message | None, calls: int
    ) -> None:
        """Give the reply its cost, and the turn the sum of what its calls cost, unknown if one of them is."""
        if reply is not None and reply.usage is None:
            self._untold = turn  # what it used is unknown, so the sum stays so
        used, settings = _minus(turn.usage, before), request.settings
        cost: float | None = 0.0
        rest = used
        if reply is not None and (own := reply.usage) is not None:
            if own.cost is None:
                own.cost = self.price(agent, own, reply=reply, settings=settings)
            cost, rest = own.cost, _minus(used, own)
        if turn is self._untold:
            turn.usage.cost = None
        elif turn.usage.cost is None and used.total:
            # A hook further in asked more than once, and the kernel has the sum only.
            more = self._rest(agent, rest, settings, calls - (reply is not None))
            before.add(replace(used, cost=None if cost is None or more is None else cost + more))
            turn.usage.cost = before.cost

    def _rest(self, agent: Agent, rest: Usage, settings: Mapping[str, Any], calls: int) -> float | None:
        """Return what calls cost that brought no reply, None where what they used is not theirs or has no price."""
        counts = (rest.input, rest.output, rest.cached, rest.cache_write)
        if not any(counts):
            return 0.0
        if not calls or min(counts) < 0:
            return None
        return self.price(agent, rest, settings=settings, calls=calls)

    def price(
        self,
        agent: Agent,
        usage: Usage,
        *,
        reply: Message | None = None,
        settings: Mapping[str, Any] | None = None,
        calls: int = 1,
    ) -> float | None:
        """Return what a reply cost in USD, or what `calls` without one did; None where that is unknown."""
        name, said = agent.model, "" if reply is None else reply.model
        provider, _, asked = name.partition("/")
        own = self.config.prices.get(name) or self.config.prices.get(f"{provider}/{said}")
        if own is not None and own.priced:
            return own.cost(usage)
        known = self._known(agent, provider)
        if known is None:
            return None
        if said and has(said, known):
            model = said
        elif not said or _same(asked, said):
            model = asked
        else:
            return None  # another model than the one that was asked
        return price_of(usage, model, known, reply=reply, terms=terms_of(reply, settings or {}), calls=calls)

    def context(self, agent: Agent) -> int | None:
        """Return how many tokens the agent's model takes, None where that is unknown."""
        own = self.config.prices.get(agent.model)
        if own is not None and own.context is not None:
            return own.context
        provider, _, model = agent.model.partition("/")
        known = self._known(agent, provider)
        return None if known is None else context_of(model, known)

    def _known(self, agent: Agent, provider: str) -> str | None:
        """Return the catalogue's name of a provider; looked up once, for it reads the user's settings."""
        if provider not in self._names:
            registry = agent.host.registry
            settings = registry.find("config", "endpoints")
            own = settings.load()() if settings is not None else {}
            self._names[provider] = catalogue_name(registry, provider, own)
        return self._names[provider]


def _same(asked: str, said: str) -> bool:
    """Tell whether a service's name of a model is what was asked for: a date is appended, a vendor put before it."""
    base = asked.rpartition("/")[2].lower().removesuffix("-latest")
    return bool(base) and said.rpartition("/")[2].lower().startswith(base)


def _minus(one: Usage, other: Usage) -> Usage:
    """Return the difference of two counts, without a cost."""
    return Usage(
        one.input - other.input,
        one.output - other.output,
        one.cached - other.cached,
        one.cache_write - other.cache_write,
        one.reasoning - other.reasoning,
    )
