"""Durations as people write them: "90s", "1h30m", 300."""

import re
from math import isfinite

from kt.errors import DataError

UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
LONGEST = 10 * 365 * UNITS["d"]
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile("".join(rf"(?:{_NUMBER}\s*{unit}\s*)?" for unit in UNITS), re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)


def duration(setting: str, value: str | float) -> float:
    """Return seconds: of a number, or of days, hours, minutes and seconds, in this order ("1d", "1h30m", "90s").

    Raises DataError that names the setting for anything else, nothing, and more than ten years.
    """
    seconds = _seconds(value.strip().lower()) if isinstance(value, str) else float(value)
    if seconds is None:
        raise DataError(f"{setting}: {value!r} is no duration", hint="write it like 90s, 5m, 2h, 1d or 1h30m")
    if not (isfinite(seconds) and 0 < seconds <= LONGEST):
        raise DataError(f"{setting}: {value!r} is not between 0 seconds and ten years")
    return seconds


def _seconds(text: str) -> float | None:
    if plain := _PLAIN.fullmatch(text):
        return float(plain[1])
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        return None
    return sum(float(number) * size for number, size in zip(found.groups(), UNITS.values(), strict=True) if number)


def written(seconds: float) -> str:
    """Return a duration as `duration` reads it: 5400 is "1h30m"."""
    parts, left = [], seconds
    for unit, size in UNITS.items():
        count, left = divmod(left, size)
        if unit == "s" and left:
            count += left
        if count:
            parts.append(f"{count:g}{unit}" if count == int(count) else f"{count:.6f}".rstrip("0") + unit)
    return "".join(parts)
