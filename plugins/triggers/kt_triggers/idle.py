"""The trigger `idle`: a turn when none ran for so long."""

import asyncio
from dataclasses import dataclass

from kt.events import TurnEnded, TurnStarted

from .durations import duration
from .kinds import Kind, Settings
from .timed import positive
from .trigger import Trigger


@dataclass(slots=True, kw_only=True)
class IdleSettings(Settings):
    """A turn `after` so long without one, `times` in a row (None: again and again) until another turn runs."""

    after: str | float
    times: int | None = 1

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        duration("after", self.after)
        positive("times", self.times)

    @property
    def seconds(self) -> float:
        return duration("after", self.after)


class Calm:
    """Know since when no turn runs, and how often the trigger fired without another's turn in between."""

    def __init__(self, trigger: Trigger, settings: IdleSettings) -> None:
        self.trigger, self.settings = trigger, settings
        self.agent, self.clock = trigger.agent, trigger.agent.host.clock
        self.since, self.fired = self.clock.time(), 0
        self.open = asyncio.Event()
        """Set while the trigger may fire: no turn runs, and it has not fired `times` in a row."""
        for off in (self.agent.bus.on(TurnStarted, self._started), self.agent.bus.on(TurnEnded, self._ended)):
            trigger.scope.callback(off)

    def _started(self, event: TurnStarted) -> None:
        self.open.clear()
        self.trigger.next = None
        if event.source != f"trigger:{self.trigger.id}":
            self.fired = 0

    def _ended(self, event: TurnEnded) -> None:
        self.since = self.clock.time()
        self._may_open()

    def _may_open(self) -> None:
        if self.agent.turn is None and (self.settings.times is None or self.fired < self.settings.times):
            self.open.set()

    async def run(self) -> None:
        """Fire whenever it was calm for long enough; while it can't, wait for the end of a turn, not for the clock."""
        self.since = self.clock.time()
        self._may_open()
        while True:
            await self.open.wait()
            left = self.since + self.settings.seconds - self.clock.time()
            self.trigger.next = self.since + self.settings.seconds
            if left > 0:
                await self.clock.sleep(left)
            else:
                self.fired += 1
                self.open.clear()
                self.trigger.next = None
                self.trigger.fire()


async def _idle(trigger: Trigger, settings: IdleSettings, at_once: bool) -> None:
    trigger.begin(Calm(trigger, settings).run, at_once=at_once)


IDLE = Kind("idle", IdleSettings, _idle)
