"""Wall clocks: from seconds since the epoch to what a clock shows, and back."""

from datetime import datetime, tzinfo

from kt.errors import DataError


def zone(name: str | None) -> tzinfo | None:
    """Return the time zone of a name like "Europe/Berlin"; None is the machine's own. Raises DataError."""
    if name is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise DataError(
            f"timezone: {name!r} is not known", hint="write it like Europe/Berlin; without zones: pip install tzdata"
        ) from None


def wall(seconds: float, where: tzinfo | None) -> datetime:
    """Return what the clocks of a zone show, as a naive datetime."""
    return datetime.fromtimestamp(seconds, where).replace(tzinfo=None, fold=0)


def moment(shown: datetime, where: tzinfo | None, *, fold: int = 0) -> float:
    """Return seconds since the epoch of what clocks show.

    A time that comes twice is the first one, with `fold=1` the second. One that clocks skip is counted on from before
    the change: 2:30 is when they show 3:30.
    """
    return shown.replace(tzinfo=where, fold=fold).timestamp()


def stamp(seconds: float, where: tzinfo | None) -> str:
    """Return a moment for people: the date, the time to the minute, the zone."""
    return datetime.fromtimestamp(seconds, where).astimezone(where).strftime("%Y-%m-%d %H:%M %Z").strip()
