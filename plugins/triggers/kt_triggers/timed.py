"""The triggers that go by the clock: timer, cron and at."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from kt.errors import DataError
from kt.events import Advice

from .cron import Cron
from .durations import duration
from .kinds import Kind, Settings
from .timekeeper import Every, Missed, Once, Timekeeper
from .trigger import Trigger
from .zones import moment, wall, zone

DAY = 86_400


@dataclass(slots=True, kw_only=True)
class TimedSettings(Settings):
    """Settings of what can come due while the process is down: `missed` says what becomes of such runs."""

    missed: Missed = "once"


@dataclass(slots=True, kw_only=True)
class TimerSettings(TimedSettings):
    """A turn `every` so often, `immediate`ly for the first time, `times` in all (None: without end)."""

    every: str | float
    immediate: bool = False
    times: int | None = None

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        duration("every", self.every)
        positive("times", self.times)

    @property
    def seconds(self) -> float:
        return duration("every", self.every)


@dataclass(slots=True, kw_only=True)
class CronSettings(TimedSettings):
    """Turns at the times of a cron `schedule`, in a `timezone` (None: the machine's)."""

    schedule: str
    timezone: str | None = None

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        self.cron()

    def cron(self) -> Cron:
        """Return the parsed schedule."""
        return Cron.parse(self.schedule, zone(self.timezone))


@dataclass(slots=True, kw_only=True)
class AtSettings(TimedSettings):
    """One turn at a `time`: a date and time, a time of day (the next one), or seconds since the epoch."""

    time: str | float | datetime | time
    timezone: str | None = None

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        self.after(0.0)

    def after(self, seconds: float) -> float:
        """Return the moment that is meant by somebody who says it at another, both in seconds since the epoch."""
        where = zone(self.timezone)
        if isinstance(self.time, int | float):
            if self.time < DAY:  # what YAML makes of 18:00
                raise DataError(f"time: {self.time:g} is no date", hint='put a time of day in quotes: "18:00"')
            return float(self.time)
        meant = _meant(self.time)
        if isinstance(meant, datetime):
            return meant.timestamp() if meant.tzinfo is not None else moment(meant, where)
        day = wall(seconds, where).date()
        today = moment(datetime.combine(day, meant), where)
        return today if today > seconds else moment(datetime.combine(day + timedelta(days=1), meant), where)


def _meant(said: str | datetime | time) -> datetime | time:
    if not isinstance(said, str):
        return said
    for read in (time.fromisoformat, datetime.fromisoformat):
        try:
            return read(said.strip())
        except ValueError:
            continue
    raise DataError(f"time: {said!r} is no time", hint="write 2026-12-24T18:00, 18:00, or seconds since the epoch")


def positive(setting: str, value: int | None) -> None:
    """Raise DataError for a count that is none."""
    if value is not None and value < 1:
        raise DataError(f"{setting}: {value} is less than 1")


async def _timer(trigger: Trigger, settings: TimerSettings, at_once: bool) -> None:
    keeper = Timekeeper(
        trigger, Every(settings.seconds), missed=settings.missed, times=settings.times, immediate=settings.immediate
    )
    trigger.begin(keeper.run, at_once=at_once)


async def _cron(trigger: Trigger, settings: CronSettings, at_once: bool) -> None:
    cron = settings.cron()
    trigger.begin(Timekeeper(trigger, cron, missed=settings.missed, zone=cron.zone).run, at_once=at_once)


async def _at(trigger: Trigger, settings: AtSettings, at_once: bool) -> None:
    known = trigger.recorded
    when = settings.after(trigger.agent.host.clock.time() if known is None else known.settled)
    keeper = Timekeeper(trigger, Once(when), missed=settings.missed, times=1, zone=zone(settings.timezone))

    async def keep() -> None:
        if known is None and when <= trigger.agent.host.clock.time():
            trigger.agent.bus.publish(Advice(f"{trigger.where} never fires: its time is over"))
        await keeper.run()

    trigger.begin(keep, at_once=at_once)


TIMER = Kind("timer", TimerSettings, _timer)
CRON = Kind("cron", CronSettings, _cron)
AT = Kind("at", AtSettings, _at)
