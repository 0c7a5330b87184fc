"""What an installation would change: the roots, all that they need, and what the inspection of each wheel says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

from ..errors import Tampered
from ..inspect import Finding, Inspection, Installed, Wheel, inspect
from ..manifest import Pack, normal
from ..needs import Needs
from . import store
from .base import applies
from .editable import Gone, Project, standing
from .lock import Lock, Locked, digest
from .news import news
from .resolve import Picked, resolve, settled
from .vouched import doubts

PACKAGE_INDEX = "package index"
"""The source of what is in no marketplace."""
OF_INDEX = "index "
"""What the source of everything else of a marketplace begins with; its name follows."""


@dataclass(frozen=True, slots=True)
class Root:
    """One thing that was asked for: the requirement it means, and where it comes from.

    Its wheel is in the quarantine already unless uv is to look for it, one of `digests` if there are any; an editable
    one has a `project` instead. `withdrawn` says why versions of it were, as its index has it.
    """

    asked: str
    requirement: Requirement
    source: str
    url: str = ""
    wheel: Wheel | None = None
    project: Project | None = None
    digests: frozenset[str] = frozenset()
    withdrawn: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Candidate:
    """A distribution that would be installed: its wheel, or the project it runs from, which may be gone.

    `doubt` says why nobody vouches for its bytes.
    """

    source: str
    made: Wheel | Project | Gone
    requested: str = ""
    url: str = ""
    doubt: str = ""

    @property
    def pack(self) -> Pack | None:
        return self.made.manifest

    @property
    def requires(self) -> list[str]:
        """Return the names of what it needs here."""
        return [normal(r.name) for r in self.made.requires if applies(r)]

    @property
    def sha256(self) -> str:
        made = self.made
        return digest(made.folder / "pyproject.toml") if isinstance(made, Project) else made.sha256

    def locked(self, names: Collection[str]) -> Locked:
        """Return its entry in a lock of these names."""
        made = self.made
        if isinstance(made, Gone):
            return made.locked
        return Locked(
            name=made.name,
            version=made.version,
            source=self.source,
            requested=self.requested,
            file=made.path.name if isinstance(made, Wheel) else "",
            url=self.url,
            sha256=self.sha256,
            record=made.record if isinstance(made, Wheel) else "",
            editable=str(made.folder) if isinstance(made, Project) else "",
            requires=tuple(sorted({n for n in self.requires if n in names})),
            needs=self.pack.needs if self.pack else Needs(),
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """A distribution that would come, or come in another version.

    `before` is what it replaces, `news` what it registers or depends on, in words, that this did not.
    """

    candidate: Candidate
    locked: Locked
    before: Locked | None
    inspection: Inspection | None
    news: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Tell whether it is new here, or other bytes than before; else it is only asked for now, or may do more."""
        return not self.locked.is_as(self.before)

    @property
    def grown(self) -> Needs:
        """Return what it needs that was not approved before."""
        return self.locked.needs.beyond(self.before.needs if self.before else Needs())


@dataclass(slots=True)
class Change:
    """The lock that would be, the distributions that would come, and those that would go.

    `stays` are those of the lock that do not come, as far as they were read.
    """

    lock: Lock
    arrivals: list[Arrival] = field(default_factory=list)
    gone: list[Locked] = field(default_factory=list)
    stays: list[Candidate] = field(default_factory=list)


class Planner:
    """Work out a change of a lock, in a quarantine folder of wheels that nothing imports."""

    def __init__(self, lock: Lock, base: Installed, quarantine: Path, *, official: Collection[str]) -> None:
        self.lock, self.base, self.quarantine, self.official = lock, base, quarantine, official

    def plan(self, roots: Sequence[Root], *, newest: Collection[str] = ()) -> Change:
        """Return the change that makes `roots` installed beside what is; those in `newest` may move on."""
        there = self._there(roots, newest)
        wanted = [root.requirement for root in roots if root.project is None]
        wanted += [Requirement(f"{n}=={c.made.version}") for n, c in there.items() if c.requested]
        at_hand = {name: (c.made.version, c.made.requires) for name, c in there.items()}
        if not settled(wanted, at_hand, self.base):
            there = self._chosen(roots, there, wanted, newest=bool(newest))
        return self._change(there)

    def replay(self, lock: Lock) -> Change:
        """Return the change that makes exactly `lock` installed, whose wheels are all in the store.

        Raises Tampered for an entry that says something else of its wheel than the wheel does.
        """
        out = {}
        for name, pack in lock.packs.items():
            out[name] = Candidate(pack.source, self._made(pack), pack.requested, pack.url)
        change = self._change(out)
        for name, pack in lock.packs.items():
            if change.lock.packs.get(name) != pack:
                raise Tampered(f"the lock is wrong about {name} {pack.version}", hint="install it anew")
        return change

    def _made(self, pack: Locked) -> Wheel | Project | Gone:
        if not pack.editable:
            return Wheel.read(store.wheel_file(pack))
        return standing(pack) if self.lock.packs.get(pack.name) == pack else Project(Path(pack.editable))

    def _there(self, roots: Sequence[Root], newest: Collection[str]) -> dict[str, Candidate]:
        """Return what is at hand: what stays as it is locked, and the roots that are here already."""
        store.lay_out(self.lock, self.quarantine)
        asked = {normal(root.requirement.name) for root in roots}
        out = {}
        for name, pack in self.lock.packs.items():
            if name in asked or name in newest:
                continue
            if pack.editable:
                out[name] = Candidate(pack.source, standing(pack), pack.requested)
            elif store.holds(pack):
                out[name] = Candidate(pack.source, Wheel.read(store.wheel_file(pack)), pack.requested, pack.url)
        for root in roots:
            if made := root.project or root.wheel:
                out[made.name] = Candidate(root.source, made, root.asked, root.url)
        return out

    def _chosen(
        self, roots: Sequence[Root], there: dict[str, Candidate], wanted: list[Requirement], *, newest: bool
    ) -> dict[str, Candidate]:
        """Return what uv chooses, of what is at hand and what the package index has."""
        projects = {name: c for name, c in there.items() if not isinstance(c.made, Wheel)}
        wanted = [r for r in wanted if normal(r.name) not in projects]
        wanted += [r for c in projects.values() for r in c.made.requires if applies(r) and r.name not in projects]
        picked = resolve(
            wanted,
            pins={n: c.made.version for n, c in there.items() if n not in projects},
            base=self.base,
            wheels=self.quarantine,
            work=self.quarantine.parent,
            newest=newest,
        )
        asked = {normal(root.requirement.name): root for root in roots}
        # The package index may have other bytes of a version that is there: nobody asked for those.
        known = {p.name: c for p in picked if (c := there.get(p.name)) and c.made.version == p.version}
        fetched = {p.name: self._fetched(p, asked.get(p.name)) for p in picked if p.name not in known}
        unsure = [p for p in picked if p.name in fetched and not self._pinned(p, asked.get(p.name))]
        for name, doubt in doubts(unsure, self.quarantine.parent).items():
            fetched[name].doubt = doubt
        return {**projects, **known, **fetched}

    def _pinned(self, pick: Picked, root: Root | None) -> bool:
        """Tell whether the bytes are those that a marketplace or the lock names, or lie on this machine."""
        before = self.lock.packs.get(pick.name)
        locked = before is not None and before.sha256 == pick.sha256
        return locked or bool(root and root.digests) or pick.url.startswith("file:")

    def _fetched(self, pick: Picked, root: Root | None) -> Candidate:
        if root is not None and root.digests and pick.sha256 not in root.digests:
            raise Tampered(f"the package index has a {pick.file} that {root.source} does not know", where=pick.sha256)
        from ..transport import fetch

        file = self.quarantine / pick.file
        wheel = Wheel.read(file if _is(file, pick.sha256) else fetch(pick.url, pick.sha256, file))
        asked = root.asked if root else ""
        before = self.lock.packs.get(pick.name)
        if before is not None and before.sha256 == pick.sha256:
            return Candidate(root.source if root and root.digests else before.source, wheel, asked, before.url)
        return Candidate(root.source if root else PACKAGE_INDEX, wheel, asked, pick.url)

    def _change(self, there: dict[str, Candidate]) -> Change:
        entries = Lock({name: c.locked(there) for name, c in there.items()})
        needed = entries.needed(entries.requested)
        lock = Lock({name: there[name].locked(needed) for name in needed})
        wheels = [there[name].made for name in needed]
        beside = self.base.beside(made for made in wheels if isinstance(made, Wheel))
        fresh = sorted(name for name in needed if self._differs(lock.packs[name]))
        arrivals = [self._arrival(there[name], lock.packs[name], beside) for name in fresh]
        stays = [there[name] for name in sorted(needed - set(fresh))]
        return Change(lock, arrivals, [p for name, p in self.lock.packs.items() if name not in needed], stays)

    def _differs(self, locked: Locked) -> bool:
        """Tell whether something is new: a distribution's bytes, its place, its needs, or that it was asked for."""
        before = self.lock.packs.get(locked.name)
        if before is None or (locked.requested and not before.requested):
            return True
        return not locked.is_as(before) or bool(locked.needs.beyond(before.needs))

    def _arrival(self, candidate: Candidate, locked: Locked, beside: Installed) -> Arrival:
        before = self.lock.packs.get(locked.name)
        if not isinstance(made := candidate.made, Wheel):
            return Arrival(candidate, locked, before, None)
        asked = True if candidate.requested else None
        doubt = [Finding("ask", "digest", candidate.doubt)] if candidate.doubt else []
        known = [*self.lock.packs]
        looked = inspect(made, installed=beside, official=self.official, known=known, plugin=asked, more=doubt)
        return Arrival(candidate, locked, before, looked, tuple(news(made, before)) if before else ())


def _is(file: Path, sha256: str) -> bool:
    return file.is_file() and digest(file) == sha256
