"""A change as lines for a person: what comes and goes, what it registers, and what it may do."""

from collections.abc import Iterable, Iterator

from ..inert import inert
from ..inspect.inspection import brought, said_needs
from ..needs import Needs
from .editable import Project
from .lock import Lock, Locked
from .plan import Arrival, Change


def told(change: Change, *, back: Iterable[tuple[Locked | None, Locked]] = (), foreign: bool = False) -> Iterator[str]:
    """Yield the lines of a change.

    `back` are distributions as they are, and as they come back, inspected before. Of a `foreign` lock nothing is taken
    for granted: each pack is from where its address says, and what it is said to have been asked for as is shown.
    """
    for arrival in change.arrivals:
        yield from _arrival(arrival, foreign)
    for now, pack in back:
        yield f"+ {pack.name} {_moved(now, pack)} ({inert(pack.source)})"
    for pack in change.gone:
        yield f"- {pack.name} {pack.version}"


def pinned(lock: Lock) -> Iterator[str]:
    """Yield the lines of a foreign lock, before anything in it was looked at."""
    for pack in lock.packs.values():
        yield f"+ {inert(pack.name)} {inert(pack.version)} ({_place(pack)})"
        yield from _requested(pack)
        yield from (f"  may      {line}" for line in said_needs(pack.needs))


def _arrival(arrival: Arrival, foreign: bool) -> Iterator[str]:
    locked, before = arrival.locked, arrival.before
    version = _moved(before, locked)
    pack = arrival.candidate.pack
    place = _place(locked) if foreign else inert(locked.source)
    yield f"+ {locked.name} {version} ({place})"
    if pack:
        yield f"    {inert(pack.description)}"
    if foreign:
        yield from _requested(locked)
    grown = arrival.grown if before is not None else Needs()
    if locked.editable:
        yield f"  runs from {locked.editable}, as it is there at each start"
    yield from (line for line in _described(arrival) if not grown or not line.startswith("  may "))
    if grown:
        yield from (f"  may      {line}" for line in said_needs(locked.needs.beyond(grown)))
    yield from (f"  NEW      may {line}" for line in said_needs(grown))
    if before is not None:
        yield from (f"  NEW      {line}" for line in arrival.news)


def _described(arrival: Arrival) -> list[str]:
    """Return what a distribution brings, registers and may do, and what was found in its wheel."""
    inspection, made = arrival.inspection, arrival.candidate.made
    if inspection is not None:
        return inspection.lines()[1:]
    return brought(made.manifest, made.entry_points, arrival.locked.needs) if isinstance(made, Project) else []


def _moved(before: Locked | None, after: Locked) -> str:
    """Return the version of a distribution, behind the one it had if that was another."""
    return (
        after.version if before is None or before.version == after.version else f"{before.version} -> {after.version}"
    )


def _place(pack: Locked) -> str:
    return pack.editable or pack.url or f"the file {pack.file}"


def _requested(pack: Locked) -> Iterator[str]:
    if pack.requested:
        yield f"  asked    for as {pack.requested}"
