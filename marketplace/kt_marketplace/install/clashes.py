"""Names of a change that two distributions would register: found before the switch, and nothing of a pack runs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from kt.errors import DataError

from ..inspect import Installed, Wheel
from ..inspect.claims import PLACES
from ..inspect.code import Code
from ..inspect.code_file import look
from ..inspect.code_registry import COMPUTED
from ..manifest import normal
from .editable import Gone, Project
from .errors import Refused
from .plan import Candidate, Change

if TYPE_CHECKING:
    from kt import Entry, Registry


def refuse_taken(change: Change, registry: "Registry", base: Installed) -> None:
    """Raise Refused where a pack that comes registers a name that another distribution has, naming both.

    One that takes a name over (`override=True`) may, as whoever installs it is asked about that.
    """
    names = Counter(name for c in _all(change) for name in _registered(c))
    shared = {name for name, count in names.items() if count > 1} | {(e.kind, e.name) for e in _of_base(registry, base)}
    owners = {(e.kind, e.name, e.override): f"{e.dist} {e.version}" for e in _of_base(registry, base)}
    for candidate in change.stays:
        over = _taken_over(candidate, shared)
        owners |= {(kind, name, (kind, name) in over): _called(candidate) for kind, name in _registered(candidate)}
    for candidate in (arrival.candidate for arrival in change.arrivals):
        over = _taken_over(candidate, shared)
        for kind, name in _registered(candidate):
            place = (kind, name, (kind, name) in over)
            if COMPUTED not in over and (other := owners.setdefault(place, _called(candidate))) != _called(candidate):
                what = f"{_called(candidate)} can't be installed: {kind} {name} is registered by {other}"
                raise Refused(what, hint="nothing was changed")


def _all(change: Change) -> Iterator[Candidate]:
    yield from change.stays
    yield from (arrival.candidate for arrival in change.arrivals)


def _of_base(registry: "Registry", base: Installed) -> "Iterator[Entry]":
    for entry in registry.entries():
        below: Entry | None = entry
        while below is not None:
            if normal(below.dist) in base.versions:
                yield below
            below = below.below


def _called(candidate: Candidate) -> str:
    return f"{candidate.made.name} {candidate.made.version}"


def _registered(candidate: Candidate) -> list[tuple[str, str]]:
    """Return the kinds and names that a manifest lists, but for what only lies in its folder."""
    return [(p.kind, p.name) for p in (candidate.pack.provides if candidate.pack else ()) if p.kind not in PLACES]


def _taken_over(candidate: Candidate, shared: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return what a distribution takes over, if it shares any name."""
    return set() if shared.isdisjoint(_registered(candidate)) else taken_over(candidate.made)


def taken_over(made: Wheel | Project | Gone) -> set[tuple[str, str]]:
    """Return the kinds and names that the code of a distribution takes over; COMPUTED for what can't be told."""
    code = Code()
    for name, source in _sources(made):
        look(source, name, code)
    return set(code.takes)


def _sources(made: Wheel | Project | Gone) -> Iterator[tuple[str, bytes]]:
    if isinstance(made, Wheel):
        for name in made.files:
            if name.endswith(".py"):
                with suppress(DataError):  # what can't be read takes nothing over, and is asked about
                    yield name, made.read_bytes(name)
    elif isinstance(made, Project):
        yield from ((str(file), file.read_bytes()) for file in made.package.rglob("*.py") if file.is_file())
