"""What packs should be installed, worked out without the installer: every set of versions is tried."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Range:
    """A name, and the versions of it that will do: from `least` on, below `below` if that is not 0."""

    name: str
    least: int = 0
    below: int = 0

    @classmethod
    def only(cls, release: "Release") -> "Range":
        return cls(release.name, release.version, release.version + 1)

    def admits(self, release: "Release") -> bool:
        return self.name == release.name and self.least <= release.version < (self.below or 99)

    def __str__(self) -> str:
        """Return it as a requirement."""
        return self.name + ",".join([f">={self.least}"] * bool(self.least) + [f"<{self.below}"] * bool(self.below))


@dataclass(frozen=True)
class Release:
    """A wheel; two of one name and version may differ. One with `net` needs a host that others do not."""

    name: str
    version: int
    requires: tuple[Range, ...]
    net: bool
    wheel: Path
    sha256: str

    @cached_property
    def key(self) -> str:
        return f"{self.name} {self.version}.0 {self.sha256}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An installed pack; `requested` is "" for what came with another one."""

    release: Release
    requested: str = ""


State: TypeAlias = Mapping[str, Entry]
Versions: TypeAlias = Mapping[str, Release]


def needed(state: State, roots: Iterable[str]) -> set[str]:
    """Return the names that roots lead to, themselves among them."""
    found: set[str] = set()
    pending = list(roots)
    while pending:
        if (name := pending.pop()) not in found:
            found.add(name)
            pending += [r.name for r in state[name].release.requires]
    return found


def requested(state: State) -> list[str]:
    return [name for name, entry in state.items() if entry.requested]


def pruned(state: State) -> State:
    """Return what the requested packs lead to."""
    kept = needed(state, requested(state))
    return {name: entry for name, entry in state.items() if name in kept}


def without(state: State, names: Iterable[str]) -> State:
    """Return what is left when packs are uninstalled: one that another needs stays as its dependency."""
    return pruned({n: replace(e, requested="") if n in set(names) else e for n, e in state.items()})


def sound(versions: Versions, roots: Sequence[Range]) -> bool:
    """Tell whether the roots, and all that anything requires, are there in versions that will do."""
    everything = [*roots, *(r for release in versions.values() for r in release.requires)]
    return all(r.name in versions and r.admits(versions[r.name]) for r in everything)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be installed: the roots, the releases that stay as they are, and those there are to choose from."""

    roots: Sequence[Range]
    held: Versions
    offered: Mapping[str, Sequence[Release]]

    def options(self, name: str) -> Sequence[Release]:
        return [self.held[name]] if name in self.held else self.offered.get(name, ())

    def solutions(self) -> Iterator[Versions]:
        """Yield each way to choose one release of all that is needed, and of nothing else."""
        return self._from({}, list(self.roots))

    def _from(self, chosen: Versions, pending: Sequence[Range]) -> Iterator[Versions]:
        for place, wanted in enumerate(pending):
            if wanted.name not in chosen:
                for release in self.options(wanted.name):
                    if wanted.admits(release):
                        more = [*pending[:place], *pending[place + 1 :], *release.requires, wanted]
                        yield from self._from({**chosen, wanted.name: release}, more)
                return
            if not wanted.admits(chosen[wanted.name]):
                return
        yield chosen

    def newer(self, chosen: Versions) -> Iterator[Release]:
        """Yield the releases that could take the place of an older one with nothing else changed."""
        for name, release in chosen.items():
            for other in self.options(name):
                if other.version > release.version and sound({**chosen, name: other}, self.roots):
                    yield other
