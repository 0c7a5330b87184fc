"""What an agent may set for itself: the kinds, how many, how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from kt.errors import DataError

from .durations import duration, written
from .idle import IDLE, IdleSettings
from .kinds import Kind, Settings
from .timed import AT, CRON, TIMER, AtSettings, CronSettings, TimerSettings
from .watch import WATCH, WatchSettings
from .webhook import WEBHOOK

KINDS: Mapping[str, Kind[Any]] = {kind.name: kind for kind in (TIMER, CRON, AT, IDLE, WATCH, WEBHOOK)}
LOOKED_AT = 100
"""How many runs of a cron schedule are looked at, to see how close they are."""


@dataclass(slots=True)
class Bounds:
    """The settings of the plugin `triggers`: the kinds an agent may set, how many, and how often one may fire."""

    allow: list[str] = field(default_factory=lambda: ["timer", "cron", "at", "idle", "watch"])
    max: int = 20
    min_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in self.allow:
            if name not in KINDS:
                raise ValueError(f"allow: {name!r} is none of {', '.join(KINDS)}")
        if self.max < 1 or not self.min_seconds > 0:
            raise ValueError("max and min_seconds must be positive")

    def check(self, kind: str, settings: Mapping[str, Any], now: float | None = None) -> tuple[Kind[Any], Settings]:
        """Return the kind and the checked settings; now: when it is set, None for one that was set before.

        Raises DataError for what the agent may not set.
        """
        if kind not in self.allow:
            raise DataError(f"an agent may not set a trigger {kind!r} here", hint=f"it may set {', '.join(self.allow)}")
        found = KINDS[kind]
        checked: Settings = found.check(settings)
        if isinstance(checked, WatchSettings):
            checked.interval = max(duration("interval", checked.interval), self.min_seconds)
        elif (shortest := _shortest(checked, now)) is not None and shortest < self.min_seconds:
            raise DataError(
                f"{kind}: {written(shortest) or 'no time'} is too short here",
                hint=f"at least {written(self.min_seconds)}",
            )
        return found, checked


def _shortest(settings: Settings, now: float | None) -> float | None:
    """Return how soon, or how soon again, a trigger fires at the least; None where its clock is not the matter."""
    match settings:
        case TimerSettings() | IdleSettings():
            return settings.seconds
        case AtSettings() if now is not None:
            return max(0.0, settings.after(now) - now)
        case CronSettings():
            cron, times, at = settings.cron(), list[float](), now or 0.0
            while len(times) < LOOKED_AT and (found := cron.after(at)) is not None:
                times.append(at := found)
            return min((b - a for a, b in pairwise(times)), default=None)
    return None
