"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt.errors import DataError
from kt_triggers.durations import LONGEST, duration, written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1h30m", 5400), ("1h 30m", 5400), ("0.5s", 0.5),
        ("1.5h", 5400), ("90", 90), (90, 90), (1.5, 1.5), (" 2H ", 7200), ("1d2h3m4s", 93784),
    ],
)  # fmt: skip
def test_what_people_write(text: str | float, seconds: float) -> None:
    assert duration("every", text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", 0, -1, "-5m", "5 parsecs", "m", "5m2h", "1h1h", "1e3s", "inf", "nan", float("inf"), float("nan"),
     "99999d", "١٢s", "5m;", "."],
)  # fmt: skip
def test_what_is_none(text: str | float) -> None:
    with pytest.raises(DataError, match="every: "):
        duration("every", text)


@given(st.integers(1, int(LONGEST)))
def test_whole_seconds_are_read_as_written(seconds: int) -> None:
    assert duration("every", written(seconds)) == seconds


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 999), st.integers(1, 999))
def test_the_parts_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    assert duration("x", f"{days}d{hours}h{minutes}m{seconds}s") == ((days * 24 + hours) * 60 + minutes) * 60 + seconds
