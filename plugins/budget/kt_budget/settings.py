"""The settings of the plugin `budget`."""

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import ClassVar, Literal


@dataclass(slots=True)
class Bounds:
    """Bound what is spent: model calls, tool calls, tokens (input + output), USD, seconds of turns. None is no bound.

    Raises ValueError for what is not positive.
    """

    # Read by pydantic, which checks the plugin's settings: a misspelt bound is an error, not no bound.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    max_turns: int | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        _positive(self, "max_turns", "max_calls", "max_tokens", "max_usd", "max_seconds")

    def of(self, what: str) -> float | None:
        """Return the bound of "turns", "calls", "tokens", "usd" or "seconds"."""
        bound: float | None = getattr(self, f"max_{what}")
        return bound

    @property
    def any(self) -> bool:
        """Tell whether anything is bounded."""
        return self != Bounds()


@dataclass(slots=True)
class Settings:
    """Bounds by scope: `turn`, `session` (the agent's life), `creature` (by name, all time), `day` (the local date).

    `max_calls` and `max_usd` go before those of `turn`: the options of `kt run` set them and leave its others alone.
    `idle_seconds` ends a turn in which nothing happens; `stop_words` end it with the answer that has one of them.
    `warn_at` is the part of a bound at which the model is told. `unknown_price` says what a bound in USD does once a
    call's cost is unknown.
    """

    turn: Bounds = field(default_factory=Bounds)
    session: Bounds = field(default_factory=Bounds)
    creature: Bounds = field(default_factory=Bounds)
    day: Bounds = field(default_factory=Bounds)
    max_calls: int | None = None
    max_usd: float | None = None
    idle_seconds: float | None = None
    stop_words: list[str] = field(default_factory=list)
    warn_at: float = 0.8
    unknown_price: Literal["refuse", "allow"] = "refuse"

    def __post_init__(self) -> None:
        _positive(self, "max_calls", "max_usd", "idle_seconds", "warn_at")
        if self.warn_at > 1:
            raise ValueError(f"warn_at {self.warn_at:g} is more than 1")
        if not all(word.strip() for word in self.stop_words):
            raise ValueError("a stop word is empty")
        self.turn = replace(
            self.turn,
            max_calls=self.turn.max_calls if self.max_calls is None else self.max_calls,
            max_usd=self.turn.max_usd if self.max_usd is None else self.max_usd,
        )


def _positive(settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if value is not None and not (value > 0 and isfinite(value)):
            raise ValueError(f"{name} {value!r} is no positive number")
