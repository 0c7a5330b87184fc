"""What is known of models without asking anybody: names, contexts and prices, from the table of genai-prices (MIT).

The table ships with that package; nothing here goes to the network.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo
    from kt import Plugins, Registry, Usage

MILLION = 1_000_000
OWN = {"openai": "openai"}
"""Providers that are functions and so have no table that says what they are called in the catalogue."""


def catalogue_name(registry: "Registry", provider: str, endpoints: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return what a provider is called in the catalogue; None for one that is not in it."""
    entry = registry.find("provider", provider)
    shipped = entry.load() if entry is not None and entry.data.get("table") else {}
    name = {**shipped, **endpoints.get(provider, {})}.get("catalogue", OWN.get(provider))
    return None if name is None else str(name)


def price_of(usage: "Usage", model: str, provider: str | None) -> float | None:
    """Return what a call cost in USD; None where the price is unknown. Without a provider the model's name decides."""
    import genai_prices

    counts = genai_prices.Usage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
    )
    try:
        return float(genai_prices.calc_price(counts, model, provider_id=provider).total_price)
    except (LookupError, ValueError):
        return None


def own_price(usage: "Usage", table: Mapping[str, float]) -> float:
    """Return what a call cost at the user's own prices: USD for a million tokens of input, output, cached, cache_write.

    What is cached costs as much as input where no price is given for it.
    """
    fresh = usage.input - usage.cached - usage.cache_write
    base = table.get("input", 0.0)
    parts = [
        fresh * base,
        usage.cached * table.get("cached", base),
        usage.cache_write * table.get("cache_write", base),
        usage.output * table.get("output", 0.0),
    ]
    return sum(parts) / MILLION


class Catalogue:
    """Answer `kt model`: the kind `catalogue`."""

    def __init__(self, plugins: "Plugins") -> None:
        self.plugins = plugins

    def models(self, provider: str) -> list[str]:
        """Return the names of the models that a provider has, as far as the table knows."""
        from genai_prices.data import providers

        return [model.id for entry in providers if entry.id == provider for model in entry.models]

    def facts(self, provider: str, model: str) -> dict[str, str]:
        """Return context and price in words, "" for what is unknown."""
        found = self._find(provider, model)
        if found is None:
            return {"context": "", "price": ""}
        context = f"{found.context_window:,} tokens" if found.context_window else ""
        prices = found.prices[-1].prices if isinstance(found.prices, list) else found.prices
        return {"context": context, "price": str(prices)}

    def _find(self, provider: str, model: str) -> "ModelInfo | None":
        import genai_prices

        try:
            return genai_prices.calc_price(genai_prices.Usage(input_tokens=1), model, provider_id=provider).model
        except (LookupError, ValueError):
            return None
