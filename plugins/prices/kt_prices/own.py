"""Prices of the user's own, which go before the table's."""

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from kt import Usage

MILLION = 1_000_000


@dataclass(slots=True)
class OwnPrice:
    """Hold what a model costs: USD for a million tokens, and its `context` in tokens; None is not known.

    What is cached costs as much as input where no price is given for it.
    """

    # Read by pydantic, which checks the plugin's settings: a misspelt price is an error, not an unknown one.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    input: float | None = None
    output: float | None = None
    cached: float | None = None
    cache_write: float | None = None
    context: int | None = None

    def __post_init__(self) -> None:
        for value in (self.input, self.output, self.cached, self.cache_write, self.context):
            if value is not None and not (value >= 0 and isfinite(value)):
                raise ValueError(f"{value!r} is no price or size")

    @property
    def priced(self) -> bool:
        """Tell whether there is a price, not a context alone."""
        return not (self.input is self.output is self.cached is self.cache_write is None)

    def cost(self, usage: "Usage") -> float | None:
        """Return what a call cost in USD, None where it used what has no price."""
        fresh = usage.input - usage.cached - usage.cache_write
        parts = [
            (fresh, self.input),
            (usage.cached, self.input if self.cached is None else self.cached),
            (usage.cache_write, self.input if self.cache_write is None else self.cache_write),
            (usage.output, self.output),
        ]
        if any(tokens < 0 or (tokens and price is None) for tokens, price in parts):
            return None
        return sum(tokens * (price or 0.0) for tokens, price in parts) / MILLION
