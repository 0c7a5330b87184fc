"""Waiting until a trigger comes due, and what becomes of the runs that were missed."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal, Protocol, TypeAlias

from .events import TriggerSkipped
from .outbox import Post
from .records import Record
from .trigger import Trigger
from .zones import stamp

Missed: TypeAlias = Literal["once", "skip", "all"]
"""What becomes of missed runs: one run for all of them, none, or each of them."""
GRACE = 60.0
"""How many seconds late a run is still on time."""
RECHECK = 900.0
"""The longest sleep: a machine that was suspended, or a clock that was set, is noticed after that time."""
COUNTED = 10_000
"""How many missed runs are counted."""
MADE_UP = 100
"""How many missed runs `all` makes up for: the last ones."""


class Schedule(Protocol):
    """Say when something comes due."""

    def after(self, seconds: float) -> float | None:
        """Return the first time after a moment, both in seconds since the epoch; None where there is no more."""


@dataclass(frozen=True, slots=True)
class Every:
    period: float

    def after(self, seconds: float) -> float:
        return seconds + self.period


@dataclass(frozen=True, slots=True)
class Once:
    when: float

    def after(self, seconds: float) -> float | None:
        return self.when if self.when > seconds else None


class Timekeeper:
    """Fire a trigger when its schedule comes due, `times` in all (None: without end)."""

    def __init__(
        self,
        trigger: Trigger,
        schedule: Schedule,
        *,
        missed: Missed = "once",
        times: int | None = None,
        immediate: bool = False,
        zone: tzinfo | None = None,
    ) -> None:
        self.trigger, self.schedule, self.missed, self.zone = trigger, schedule, missed, zone
        self.times, self.immediate = times, immediate
        self.clock = trigger.agent.host.clock
        self.record = Record(0.0)

    async def run(self) -> None:
        """Keep time until the last run was taken by a turn."""
        known = self.trigger.recorded
        self.record = known or Record(self.clock.time())
        if known is None:
            self.trigger.record(self.record)
            if self.immediate:
                self._fire(self.record.settled, 0)
        while self.times is None or self.record.runs < self.times:
            now = self.clock.time()
            if self.record.settled > now + GRACE:  # the clock was set back
                self.record = Record(now, self.record.runs)
            due = self.trigger.next = self.schedule.after(self.record.settled)
            if due is None:
                break
            if due > now:
                await self.clock.sleep(min(due - now, RECHECK))
            else:
                await self._catch_up(due, now)
        await self._finish()

    async def _finish(self) -> None:
        self.trigger.next = None
        for post in list(self.trigger.outbox.waiting()):
            await post.taken.wait()
        if self.trigger.finished is not None:
            self.trigger.finished()

    async def _catch_up(self, due: float, now: float) -> None:
        """Run what came due, `due` the first of it, as the policy says."""
        runs = self._due(due, now)
        late = sum(now - at > GRACE for at in runs)
        if self.missed == "all":
            await self._each(runs, now)
        elif self.missed == "skip" and late == len(runs):
            self.record = Record(runs[-1], self.record.runs)
            self.trigger.record(self.record)
            self.trigger.agent.record(TriggerSkipped(self.trigger.kind, self.trigger.id, late))
        else:
            self._fire(runs[-1], late)

    def _due(self, due: float | None, now: float) -> list[float]:
        """Return when it came due up to now; where that is too often to count, the last one is now."""
        runs: list[float] = []
        while due is not None and due <= now and len(runs) < COUNTED:
            runs.append(due)
            due = self.schedule.after(due)
        if len(runs) == COUNTED:
            runs[-1] = now
        return runs

    async def _each(self, runs: list[float], now: float) -> None:
        """Fire once for each, when a turn has taken the one before."""
        left = MADE_UP if self.times is None else min(MADE_UP, self.times - self.record.runs)
        dropped = max(0, len(runs) - left)
        for at in runs[dropped:]:
            post = self._fire(at, dropped + (now - at > GRACE))
            dropped = 0
            await post.taken.wait()

    def _fire(self, at: float, missed: int) -> Post:
        trigger = self.trigger
        self.record = Record(at, self.record.runs + (not trigger.outbox.waiting()))
        return trigger.fire(missed=missed, last=stamp(at, self.zone), settles=self.record)
