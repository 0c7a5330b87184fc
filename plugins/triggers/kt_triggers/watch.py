"""The trigger `watch`: a turn when files change."""

import asyncio
import re
from dataclasses import dataclass

from kt import Text

from .durations import duration
from .globs import compiled
from .kinds import Kind, Settings
from .scan import Changes, Look, scan
from .trigger import Trigger

MOST_LINES = 100
SETTLING = 20
"""How often changes are looked at again before they are told, though they go on."""


@dataclass(slots=True, kw_only=True)
class WatchSettings(Settings):
    """A turn when files that match `paths` are created, changed or deleted.

    It looks every `interval`, and waits until nothing changed for `debounce`. What changes while a turn of the agent
    runs is its own work and not told, unless `own_changes` is set.
    """

    paths: list[str]
    debounce: str | float = 1.0
    interval: str | float = 2.0
    own_changes: bool = False

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        duration("debounce", self.debounce)
        duration("interval", self.interval)
        self.patterns()

    def patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        """Return where to look, and for what."""
        return [compiled(path) for path in self.paths]


class Watcher:
    """Look again and again, and fire with what is different from the look before."""

    def __init__(self, trigger: Trigger, settings: WatchSettings, before: Look) -> None:
        self.trigger, self.settings, self.before = trigger, settings, before
        self.agent, self.clock = trigger.agent, trigger.agent.host.clock
        self.patterns = settings.patterns()
        self.seen = self._doing()
        self.told: Look = before
        """The files as they were before the changes that the waiting input tells of."""

    async def run(self) -> None:
        interval = duration("interval", self.settings.interval)
        while True:
            await self.clock.sleep(interval)
            now = await self._settled(await self.look())
            if now != self.before:
                self._changed(now)
            self.seen = self._doing()

    def _doing(self) -> tuple[bool, int]:
        """Return whether a turn runs, and how many there were."""
        return self.agent.turn is not None, self.agent.turns

    async def look(self) -> Look:
        return await asyncio.to_thread(scan, self.agent.pwd, self.patterns)

    async def _settled(self, now: Look) -> Look:
        """Return what is there when nothing changes any more."""
        for _ in range(SETTLING if now != self.before else 0):
            await self.clock.sleep(duration("debounce", self.settings.debounce))
            again = await self.look()
            if again == now:
                break
            now = again
        return now

    def _changed(self, now: Look) -> None:
        before, self.before = self.before, now
        quiet = self.seen == self._doing() and self.agent.turn is None
        if not quiet and not self.settings.own_changes:
            return
        if not self.trigger.outbox.waiting():
            self.told = before
        if changes := Changes.between(self.told, now):
            self.trigger.fire([Text(_listed(changes), origin="file")])


def _listed(changes: Changes) -> str:
    lines = changes.lines()
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


async def _watch(trigger: Trigger, settings: WatchSettings, at_once: bool) -> None:
    before = await asyncio.to_thread(scan, trigger.agent.pwd, settings.patterns())
    trigger.begin(Watcher(trigger, settings, before).run, at_once=at_once)


WATCH = Kind("watch", WatchSettings, _watch)
