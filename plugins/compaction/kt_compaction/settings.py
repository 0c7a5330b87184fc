"""The settings of the plugin `compaction`."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Settings:
    """Say when a conversation is compacted, by whom, and how much of it stays.

    `at`, `hard` and `target` are parts of the model's context: a summary is begun in the background, a request waits
    for it, and what is left at the end. `model` is who summarises, a preset, "provider/model" or table; the agent's own
    where None. `context_tokens` is the size of the context, as the plugin `prices` knows it where None, else 128,000.
    `summary_tokens` is about how long a summary may be. `clear_results` drops old tool results longer than
    `result_chars` where a context that overflowed can't be summarised. `timeout` is in seconds, for one summary.
    """

    model: str | dict[str, Any] | None = None
    at: float = 0.7
    hard: float = 0.95
    target: float = 0.3
    context_tokens: int | None = None
    summary_tokens: int = 2000
    clear_results: bool = True
    result_chars: int = 2000
    timeout: float = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.target < self.at <= self.hard <= 1:
            raise ValueError(f"target {self.target:g} < at {self.at:g} <= hard {self.hard:g} <= 1 does not hold")
        for name in ("context_tokens", "summary_tokens", "result_chars", "timeout"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} {value!r} is no positive number")
