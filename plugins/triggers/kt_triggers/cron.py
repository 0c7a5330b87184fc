"""Cron schedules: the five classic fields, and when they come due."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

from kt.errors import DataError

from .zones import moment, wall

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: dict[str, tuple[int, int, dict[str, int]]] = {
    "minute": (0, 59, {}),
    "hour": (0, 23, {}),
    "day of month": (1, 31, {}),
    "month": (1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    "day of week": (0, 7, {name: number for number, name in enumerate(DAYS)}),
}
LONGEST_GAP = timedelta(days=8 * 366 + 1)
"""February 29 comes after eight years where a century year is no leap year."""
_STEPPED = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+))?", re.ASCII)


@dataclass(slots=True)
class Cron:
    """A parsed schedule in a time zone (None: the machine's).

    `any_hour` says that the hours begin with `*`: such a schedule goes by time that passes, others by what clocks show.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    zone: tzinfo | None = None
    any_hour: bool = False
    either_day: bool = False
    _known: dict[date, list[float]] = field(default_factory=dict)

    @classmethod
    def parse(cls, schedule: str, zone: tzinfo | None = None) -> "Cron":
        """Return the schedule of five fields, or of a name like @daily. Raises DataError that says what is wrong."""
        texts = ALIASES.get(schedule.strip().lower(), schedule).lower().split()
        if len(texts) != len(FIELDS):
            known = f"minute hour day-of-month month day-of-week, or {', '.join(ALIASES)}"
            raise DataError(f"schedule: {schedule!r} has not five fields", hint=f"write {known}")
        minutes, hours, days, months, weekdays = map(_field, FIELDS, texts)
        cron = cls(
            minutes, hours, days, months, frozenset(day % 7 for day in weekdays), zone,
            any_hour=texts[1].startswith("*"),
            either_day=not texts[2].startswith("*") and not texts[4].startswith("*"),
        )  # fmt: skip
        if cron._next_day(date(2000, 1, 1)) is None:
            raise DataError(f"schedule: {schedule!r} never comes due: no month has that day")
        return cron

    def after(self, seconds: float) -> float | None:
        """Return the first time it comes due after a moment, both in seconds since the epoch."""
        # What clocks skip around midnight comes on the day after.
        day = self._next_day(wall(seconds, self.zone).date() - timedelta(days=1))
        while day is not None:
            times = self._times(day)
            if (at := bisect_right(times, seconds)) < len(times):
                return times[at]
            day = self._next_day(day + timedelta(days=1))
        return None

    def runs_on(self, day: date) -> bool:
        """Tell whether a day matches: where day of month and day of week are both limited, one of them is enough."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.either_day else in_month and in_week

    def _next_day(self, day: date) -> date | None:
        """Return the first matching day from `day` on."""
        last = day + LONGEST_GAP
        while day <= last:
            if self.runs_on(day):
                return day
            day += timedelta(days=1)
        return None

    def _times(self, day: date) -> list[float]:
        """Return when it comes due on a matching day, in order."""
        if day not in self._known:
            if len(self._known) > 4:
                self._known.clear()
            self._known[day] = sorted({at for hour in self.hours for at in self._hour(day, hour)})
        return self._known[day]

    def _hour(self, day: date, hour: int) -> list[float]:
        shown = [datetime.combine(day, time(hour, minute)) for minute in self.minutes]
        first = [moment(each, self.zone) for each in shown]
        if not self.any_hour:
            return first
        second = [moment(each, self.zone, fold=1) for each in shown]
        # The second of two times that look the same is later; of a time that does not exist it is earlier.
        pairs = list(zip(first, second, strict=True))
        return [a for a, b in pairs if a <= b] + [b for a, b in pairs if a < b]


def _field(name: str, text: str) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _part(name, part))


def _part(name: str, text: str) -> range:
    """Return the numbers of one element: `*`, a number, a range, each of the first and last with a step."""
    low, high, _ = FIELDS[name]
    found = _STEPPED.fullmatch(text)
    if found is None:
        raise DataError(f"schedule: {name}: {text!r} can't be read", hint="write *, 5, 1-5, */10 or 1-30/5")
    span, step = found[1], int(found[2] or 1)
    if span == "*":
        start, end = low, high
    else:
        first, dash, last = span.partition("-")
        start = _number(name, first)
        end = _number(name, last, end=True) if dash else start
        if found[2] and not dash:
            raise DataError(f"schedule: {name}: {text!r} steps from a number", hint=f"write {start}-{high}/{step}")
    if start > end or not 0 < step <= high:
        raise DataError(f"schedule: {name}: {text!r} holds nothing", hint="a range goes upwards, a step is above 0")
    return range(start, end + 1, step)


def _number(name: str, text: str, *, end: bool = False) -> int:
    low, high, names = FIELDS[name]
    if end and text == "sun":
        return high
    number = names.get(text, int(text) if text.isdigit() else -1)
    if not low <= number <= high:
        known = f"{low}-{high}" + (f", {', '.join(names)}" if names else "")
        raise DataError(f"schedule: {name}: {text!r} is out of range", hint=f"one of {known}")
    return number
