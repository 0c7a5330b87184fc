"""A change as lines for a person: what comes and goes, what it registers, and what it may do."""

from collections.abc import Iterable, Iterator

from ..inspect.findings import inert
from .lock import Locked
from .plan import Arrival, Change


def told(change: Change, *, came: Iterable[Locked] = ()) -> Iterator[str]:
    """Yield the lines of a change. `came` are distributions that come back as they were inspected before."""
    for arrival in change.arrivals:
        yield from _arrival(arrival)
    for pack in came:
        yield f"+ {pack.name} {pack.version} ({inert(pack.source)})"
    for pack in change.gone:
        yield f"- {pack.name} {pack.version}"


def _arrival(arrival: Arrival) -> Iterator[str]:
    locked, before = arrival.locked, arrival.before
    version = f"{before.version} -> {locked.version}" if before else locked.version
    pack = arrival.candidate.pack
    yield f"+ {locked.name} {version} ({inert(locked.source)})" + (f": {inert(pack.description)}" if pack else "")
    if arrival.inspection is not None:
        yield from arrival.inspection.lines()[1:]
    else:
        yield f"  runs from {inert(locked.editable)}, as it is there at each start"
        yield from (f"  may      {line}" for line in locked.needs.lines())
    if before is not None and arrival.grown:
        yield from (f"  NEW      may {line}" for line in arrival.grown.lines())
