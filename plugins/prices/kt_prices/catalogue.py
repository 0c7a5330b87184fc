"""What is known of models without asking anybody: names, contexts and prices, from the table of genai-prices (MIT).

The table ships with that package; nothing here goes to the network.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import genai_prices
    from genai_prices.types import ModelPrice, PriceCalculation
    from kt import Message, Plugins, Registry, Usage

OWN = {"openai": "openai"}
"""Providers that are functions and so have no table that says what they are called in the catalogue."""

STANDARD = frozenset({"auto", "default", "standard", "standard_only", "on_demand"})
TERMS = {"service_tier": ("service_tier", "serviceTier"), "speed": ("speed",)}


def catalogue_name(registry: "Registry", provider: str, endpoints: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return what a provider is called in the catalogue; None for one that is not in it."""
    entry = registry.find("provider", provider)
    shipped = entry.load() if entry is not None and entry.data.get("table") else {}
    name = {**shipped, **endpoints.get(provider, {})}.get("catalogue", OWN.get(provider))
    return None if name is None else str(name)


def context_of(model: str, provider: str) -> int | None:
    """Return how many tokens a model takes, None where that is unknown."""
    found = _entry(model, provider)
    return None if found is None else found.model.context_window


def price_of(
    usage: "Usage",
    model: str,
    provider: str,
    *,
    reply: "Message | None" = None,
    terms: Mapping[str, str] | None = None,
    calls: int = 1,
) -> float | None:
    """Return what was used costs in USD now; None where that is unknown.

    `model` and `provider` are the catalogue's names. `reply` is what was used for: its service may count more than
    `usage` does (searches, audio, caches of an hour). `terms`: see `terms_of`. `calls` is how many took part.
    """
    found = _entry(model, provider)
    if found is None:
        return None
    terms = terms or {}
    variants = found.model.price_variants or ()
    if not all(any(variant.when.get(key) == said for variant in variants) for key, said in terms.items()):
        return None
    for counts in _counts(usage, model, provider, reply):
        try:
            made = found.model.calc_price(counts, found.provider, price_context=terms)
        except ValueError:
            continue  # the service's own counts contradict each other
        return float(made.total_price) if _covers(made.model_price, usage, calls) else None
    return None


def has(model: str, provider: str) -> bool:
    """Tell whether the catalogue knows a model, with a price or without."""
    return _entry(model, provider) is not None


def terms_of(reply: "Message | None", settings: Mapping[str, Any]) -> dict[str, str]:
    """Return on which terms a call was made, other than the usual ones: its service tier and speed.

    What the reply says goes before what was asked for.
    """
    places: list[Any] = [] if reply is None else [(reply.x or {}).get(reply.wire), reply.usage_raw]
    places = [place for place in (*places, settings) if isinstance(place, Mapping)]
    told = {key: [p[name] for p in places for name in names if p.get(name)] for key, names in TERMS.items()}
    return {key: word for key, said in told.items() if said and (word := str(said[0]).lower()) not in STANDARD}


def _entry(model: str, provider: str) -> "PriceCalculation | None":
    """Return a model's entry with its provider and today's price. A provider's name must be exact."""
    import genai_prices

    try:
        found = genai_prices.calc_price(genai_prices.Usage(), model, provider_id=provider)
    except (LookupError, ValueError):
        return None
    return found if found.provider.id == provider else None


def _counts(usage: "Usage", model: str, provider: str, reply: "Message | None") -> "Iterator[genai_prices.Usage]":
    """Yield the service's own counts where they agree with ours, then ours."""
    import genai_prices

    if reply is not None and isinstance(reply.usage_raw, Mapping):
        body = {"model": model, "modelVersion": model, "usage": reply.usage_raw, "usageMetadata": reply.usage_raw}
        for wire in (reply.wire, "default"):
            try:
                told = genai_prices.extract_usage(body, provider_id=provider, api_flavor=wire).usage
                ours = (usage.input, usage.output, usage.cached)
                if (told.input_tokens, told.output_tokens, told.cache_read_tokens) == ours:
                    yield told
                    break
            except (LookupError, ValueError):
                continue  # the table does not know how this service counts
    yield genai_prices.Usage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
    )


def _covers(price: "ModelPrice", usage: "Usage", calls: int) -> bool:
    """Tell whether a price says what the tokens cost: what the table leaves out, genai-prices counts as free."""
    if (usage.input and price.input_mtok is None) or (usage.output and price.output_mtok is None):
        return False
    # Which tier each of several calls was in does not follow from their sum.
    starts = [tier.start for p in vars(price).values() for tier in getattr(p, "tiers", ())]
    return calls == 1 or not starts or usage.input <= min(starts)


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
        found = _entry(model, provider)
        if found is None:
            return {"context": "", "price": ""}
        context = found.model.context_window
        return {"context": f"{context:,} tokens" if context else "", "price": str(found.model_price)}
