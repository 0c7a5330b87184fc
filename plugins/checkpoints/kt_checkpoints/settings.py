"""The settings of the plugin `checkpoints`."""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(slots=True)
class Settings:
    """Say what is kept; sizes are in bytes.

    `keep`: "writes" keeps the files that a call names, "workspace" all small files of the working folder as well, so
    that what a program changed can be brought back. A larger file than `max_file_bytes` is named and not kept.
    `max_entries` bounds the look at the working folder. Of files that no call names, those up to `max_small_bytes` are
    kept, together up to `max_total_bytes` while the agent runs.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    keep: Literal["writes", "workspace"] = "writes"
    max_file_bytes: int = 10_000_000
    max_entries: int = 20_000
    max_small_bytes: int = 1_000_000
    max_total_bytes: int = 64_000_000

    def __post_init__(self) -> None:
        for name in ("max_file_bytes", "max_entries", "max_small_bytes", "max_total_bytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
