"""The provider `fallback`: a list of models, the next one asked where one is down."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from kt import Message
from kt.errors import ConfigError, ProviderDown
from kt.events import LLMRetry

if TYPE_CHECKING:
    from typing import TypeAlias

    from kt import Host, Provider, Request, ToolCall
    from kt.events import Event

    Item: TypeAlias = "str | ToolCall | Event | Message"
    Choice: TypeAlias = "tuple[Provider, str, Mapping[str, Any]]"


class FallbackProvider:
    """Ask the first model that is not down; once something was shown, no other is asked."""

    def __init__(self, choices: "Sequence[Choice]") -> None:
        self.choices = choices
        self.model = choices[0][1]
        self.enforces_schema = all(getattr(made, "enforces_schema", False) for made, _, _ in choices)

    async def stream(self, request: "Request") -> "AsyncGenerator[Item, None]":
        """Yield the deltas of the first answer, then its Message; an LLMRetry says where another model is asked."""
        for number, (made, name, settings) in enumerate(self.choices, 1):
            shown = False
            answer = made.stream(replace(request, settings={**settings, **request.settings}))
            try:
                async with aclosing(cast("AsyncGenerator[Item, None]", answer)) as items:
                    async for item in items:
                        shown = shown or not isinstance(item, LLMRetry)
                        yield item
                return
            except ProviderDown as error:
                if shown or number == len(self.choices):
                    raise
                yield LLMRetry(number + 1, 0.0, f"{name}: {error.what}; {self.choices[number][1]} is asked instead")


def fallback(model: str, options: Mapping[str, Any], host: "Host") -> FallbackProvider:
    """Return the provider for the option `models`: presets, PROVIDER/MODEL or tables, the first one first.

    Raises ConfigError where there is none, and what each model's own provider raises.
    """
    names = options.get("models")
    if model or not isinstance(names, list | tuple) or not names or options.keys() - {"models"}:
        raise ConfigError("the provider fallback takes `models`, a list", hint='fallback = ["PROVIDER/MODEL"]')
    load = host.registry.get("loader", "model")
    return FallbackProvider([load(host, name) for name in names])
