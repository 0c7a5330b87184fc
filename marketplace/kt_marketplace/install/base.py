"""What is installed below the packs, and which requirements are met without asking anybody."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

from packaging.requirements import Requirement

from ..inspect import Installed
from ..manifest import normal
from .path import folders

Known: TypeAlias = Mapping[str, tuple[str, Sequence[Requirement]]]
"""The version of a distribution and what it requires, by name."""


@cache
def _of(path: tuple[str, ...]) -> Installed:
    return Installed.of(path)


def below() -> Installed:
    """Return the distributions of the environment that runs `kt`, without the packs."""
    ours = set(folders())
    return _of(tuple(p for p in dict.fromkeys(sys.path) if p not in ours and Path(p).is_dir()))


def applies(requirement: Requirement, extras: Iterable[str] = ()) -> bool:
    """Tell whether a requirement counts here, for a distribution that is wanted with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def admits(requirement: Requirement, version: str) -> bool:
    return requirement.specifier.contains(version, prereleases=True)


def missing(wanted: Iterable[Requirement], packs: Known, base: Installed) -> Iterator[Requirement]:
    """Yield the requirements, of `wanted` and of what they lead to, that neither a pack nor the base meets.

    What the base requires itself is taken for met, but for an extra of it that a pack asks for.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    pending = list(wanted)
    while pending:
        requirement = pending.pop()
        name, extras = normal(requirement.name), frozenset(requirement.extras)
        version = base.versions.get(name) or packs.get(name, ("", ()))[0]
        if not version or not admits(requirement, version):
            yield requirement
        elif (name, extras) not in seen:
            seen.add((name, extras))
            leads = packs[name][1] if name not in base.versions else base.requires(name) if extras else ()
            pending += [r for r in leads if applies(r, extras)]
