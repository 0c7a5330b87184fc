"""Cron schedules: against a matcher that looks at every minute, and where clocks change."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt.errors import DataError
from kt_triggers.cron import FIELDS, Cron

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")]
BOUNDS = {name: (low, high) for name, (low, high, _) in FIELDS.items()}


def epoch(text: str, zone: object = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()  # type: ignore[arg-type]


def runs(schedule: str, since: str, count: int, zone: object = UTC) -> list[str]:
    """Return the next runs as the clocks of a zone show them."""
    cron, at, out = Cron.parse(schedule, zone), epoch(since, zone), []  # type: ignore[arg-type]
    for _ in range(count):
        found = cron.after(at)
        assert found is not None
        out.append(datetime.fromtimestamp(at := found, zone).strftime("%Y-%m-%d %H:%M"))  # type: ignore[arg-type]
    return out


# What a schedule says


@pytest.mark.parametrize(
    ("schedule", "first", "second"),
    [
        ("* * * * *", "2026-01-05 12:01", "2026-01-05 12:02"),
        ("*/5 9-17 * * mon-fri", "2026-01-05 12:05", "2026-01-05 12:10"),
        ("0 9 * * mon-fri", "2026-01-06 09:00", "2026-01-07 09:00"),
        ("30 8,20 * * *", "2026-01-05 20:30", "2026-01-06 08:30"),
        ("10-30/10 0 * * *", "2026-01-06 00:10", "2026-01-06 00:20"),
        ("0 0 1 jan,JUL *", "2026-07-01 00:00", "2027-01-01 00:00"),
        ("0 0 * * 0", "2026-01-11 00:00", "2026-01-18 00:00"),
        ("0 0 * * 7", "2026-01-11 00:00", "2026-01-18 00:00"),
        ("0 0 * * sat-sun", "2026-01-10 00:00", "2026-01-11 00:00"),
        ("0 0 13 * fri", "2026-01-09 00:00", "2026-01-13 00:00"),
        ("0 0 */2 * mon", "2026-01-19 00:00", "2026-02-09 00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00", "2032-02-29 00:00"),
        ("0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00"),
        ("@hourly", "2026-01-05 13:00", "2026-01-05 14:00"),
        ("@daily", "2026-01-06 00:00", "2026-01-07 00:00"),
        ("@weekly", "2026-01-11 00:00", "2026-01-18 00:00"),
        (" @Monthly ", "2026-02-01 00:00", "2026-03-01 00:00"),
    ],
)
def test_the_next_two_runs(schedule: str, first: str, second: str) -> None:
    assert runs(schedule, "2026-01-05T12:00", 2) == [first, second]


def test_a_leap_day_is_found_beyond_a_century_that_has_none() -> None:
    assert runs("0 0 29 2 *", "2096-03-01", 1) == ["2104-02-29 00:00"]


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("", "five fields"), ("* * * *", "five fields"), ("* * * * * *", "five fields"), ("@often", "five fields"),
        ("60 * * * *", "minute: '60' is out of range"), ("* 24 * * *", "hour"), ("* * 0 * *", "day of month"),
        ("* * * 13 *", "month"), ("* * * * 8", "day of week"), ("* * * foo *", "month: 'foo'"),
        ("*/0 * * * *", "holds nothing"), ("30-10 * * * *", "holds nothing"), ("5/10 * * * *", "steps from a number"),
        ("1,,2 * * * *", "can't be read"), ("-1 * * * *", "can't be read"), ("1-2-3 * * * *", "can't be read"),
        ("* * 31 2 *", "never comes due"), ("0 0 30 feb *", "never"), ("٣ * * * *", "can't be read"),
        ("*/99 * * * *", "holds nothing"), ("* * L * *", "out of range"), ("mon * * * *", "minute"),
    ],
)  # fmt: skip
def test_what_is_no_schedule(schedule: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Cron.parse(schedule)


# The law: it comes due at the minutes that match


@st.composite
def fields(draw: st.DrawFn, name: str) -> str:
    low, high = BOUNDS[name]
    number = st.integers(low, high)
    one = st.one_of(
        st.just("*"),
        st.integers(1, high).map("*/{}".format),
        number.map(str),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.tuples(number, number, st.integers(1, high)).map(lambda t: f"{min(t[:2])}-{max(t[:2])}/{t[2]}"),
    )
    return ",".join(draw(st.lists(one, min_size=1, max_size=3)))


def matches(text: str, name: str, value: int) -> bool:
    """Tell whether a value is in a field, by its definition alone."""
    low, high = BOUNDS[name]
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last or first))
        if start <= value <= end and (value - start) % int(step or 1) == 0:
            return True
    return False


def due(texts: list[str], shown: datetime) -> bool:
    minute, hour, day, month, weekday = texts
    dow = shown.isoweekday() % 7
    in_month = matches(day, "day of month", shown.day)
    in_week = matches(weekday, "day of week", dow) or (dow == 0 and matches(weekday, "day of week", 7))
    limited = not day.startswith("*") and not weekday.startswith("*")
    return (
        matches(minute, "minute", shown.minute)
        and matches(hour, "hour", shown.hour)
        and matches(month, "month", shown.month)
        and (in_month or in_week if limited else in_month and in_week)
    )


def brute(texts: list[str], since: float, zone: object, days: int) -> Iterator[float]:
    minute = since // 60 * 60
    for at in range(1, days * 1440 + 1):
        if due(texts, datetime.fromtimestamp(minute + at * 60, zone)):  # type: ignore[arg-type]
            yield minute + at * 60


def parsed(texts: list[str]) -> Cron | None:
    """Return the schedule; None for one that never comes due, like February 31."""
    try:
        return Cron.parse(" ".join(texts), UTC)
    except DataError:
        return None


schedules = st.tuples(*(fields(name) for name in BOUNDS)).map(list)


@settings(max_examples=50, deadline=None)
@given(schedules, st.integers(0, 4_000_000_000))
def test_it_comes_due_at_every_minute_that_matches(texts: list[str], since: int) -> None:
    cron = parsed(texts)
    if cron is None:
        assert not list(brute(texts, since, UTC, 30))
        return
    found, at = [], float(since)
    expected = list(islice(brute(texts, since, UTC, 20), 50))
    for _ in expected:
        at = cron.after(at) or 0
        found.append(at)
    assert found == expected
    following = cron.after(at)
    assert following is not None
    assert due(texts, datetime.fromtimestamp(following, UTC))


CHANGES = [
    epoch("2026-03-28T20:00"), epoch("2026-10-24T20:00"), epoch("2026-03-08T00:00"), epoch("2026-10-31T20:00"),
    epoch("2026-04-04T00:00"), epoch("2026-10-03T00:00"),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(fields("minute"), st.integers(1, 23), st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(0, 5000))
def test_any_hour_goes_by_the_time_that_passes(
    minute: str, step: int, zone: ZoneInfo, change: float, minutes: int
) -> None:
    texts, since = [minute, f"*/{step}", "*", "*", "*"], change + minutes * 60
    cron, at, found = Cron.parse(" ".join(texts), zone), since, []
    expected = list(islice(brute(texts, since, zone, 2), 100))
    for _ in expected:
        at = cron.after(at) or 0
        found.append(at)
    assert found == expected


@settings(max_examples=60, deadline=None)
@given(schedules, st.sampled_from(ZONES), st.sampled_from(CHANGES))
def test_runs_only_go_forward_and_every_day_has_its_runs(texts: list[str], zone: ZoneInfo, change: float) -> None:
    texts[2:] = ["*", "*", "*"]
    cron, at, days = Cron.parse(" ".join(texts), zone), change, set()
    while (found := cron.after(at)) is not None and found < change + 3 * 86_400:
        assert found > at
        at = found
        days.add(datetime.fromtimestamp(at, zone).date())
    if not texts[1].startswith("*"):
        assert len(days) >= 2


# Where clocks change: Berlin skips 2:00-3:00 on March 29, and has 2:00-3:00 twice on October 25


def test_a_time_that_clocks_skip_runs_as_if_they_had_not() -> None:
    assert runs("30 2 * * *", "2026-03-28T12:00", 2, BERLIN) == ["2026-03-29 03:30", "2026-03-30 02:30"]
    assert runs("30 2,3 * * *", "2026-03-29T00:00", 2, BERLIN) == ["2026-03-29 03:30", "2026-03-30 02:30"]
    assert runs("0,30 2,3 * * *", "2026-03-29T00:00", 3, BERLIN)[:2] == ["2026-03-29 03:00", "2026-03-29 03:30"]


def test_a_time_that_comes_twice_runs_the_first_time() -> None:
    assert runs("30 2 * * *", "2026-10-24T12:00", 2, BERLIN) == ["2026-10-25 02:30", "2026-10-26 02:30"]
    first = Cron.parse("30 2 * * *", BERLIN).after(epoch("2026-10-25T00:00", BERLIN))
    assert first == epoch("2026-10-25T00:30")


def test_any_hour_has_no_run_in_an_hour_that_clocks_skip() -> None:
    assert runs("15 */2 * * *", "2026-03-29T00:30", 2, BERLIN) == ["2026-03-29 04:15", "2026-03-29 06:15"]


def test_every_half_hour_stays_every_half_hour() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        cron, at, times = Cron.parse("*/30 * * * *", BERLIN), epoch(f"{day}T00:00", BERLIN), []
        for _ in range(10):
            at = cron.after(at) or 0
            times.append(at)
        assert {b - a for a, b in pairwise(times)} == {1800.0}


def test_clocks_that_skip_midnight_put_no_run_behind_another() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 2026-03-29 begins at 1:00
    assert runs("30 0 * * *", "2026-03-28T12:00", 2, beirut) == ["2026-03-29 01:30", "2026-03-30 00:30"]
    assert runs("15,45 0,1 * * *", "2026-03-28T12:00", 2, beirut) == ["2026-03-29 01:15", "2026-03-29 01:45"]


def test_clocks_that_skip_the_end_of_a_day() -> None:
    toronto = ZoneInfo("America/Toronto")  # 1919-03-30 ended at 23:30, and the next day began at 0:30
    assert runs("45 23 * * *", "1919-03-30T12:00", 2, toronto) == ["1919-03-31 00:45", "1919-03-31 23:45"]
    assert runs("45 23 * * *", "1919-03-31T00:31", 1, toronto) == ["1919-03-31 00:45"]


def test_a_day_that_a_zone_skips() -> None:
    apia = ZoneInfo("Pacific/Apia")  # there was no December 30, 2011
    assert runs("0 10 * * *", "2011-12-29T12:00", 2, apia) == ["2011-12-31 10:00", "2012-01-01 10:00"]


@pytest.mark.parametrize("schedule", ["*/10 * * * *", "30 2 * * *", "0,30 2,3 * * *", "15 */2 * * sun"])
def test_the_machines_own_zone_is_a_zone_like_any_other(schedule: str, local_zone: Callable[[str], None]) -> None:
    local_zone("Europe/Berlin")
    for day in ("2026-03-28", "2026-10-24"):
        own = named = epoch(f"{day}T12:00", BERLIN)
        for _ in range(200):
            own = Cron.parse(schedule).after(own) or 0
            named = Cron.parse(schedule, BERLIN).after(named) or 0
            assert own == named
