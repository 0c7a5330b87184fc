"""Change what is installed: plan, show, ask, build beside, switch. Until the switch nothing is changed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import DataError, NotFound, UsageError, nearest
from packaging.requirements import Requirement

from ..inspect import Installed
from ..manifest import normal
from ..official import names as official
from . import overlay, store
from .base import admits, below
from .clashes import refuse_taken
from .consent import Consent
from .editable import Project, gone
from .errors import InstallFailed, Refused
from .lock import Lock, Locked
from .pinned import addresses, bring
from .plan import OF_INDEX, Arrival, Change, Planner, Root
from .reference import Reference, parse
from .roots import Finder
from .show import pinned, told
from .updating import refresh, roots_of, withdrawn

if TYPE_CHECKING:
    from kt import Plugins

KERNEL = "kt-core"


@dataclass(frozen=True, slots=True)
class Done:
    """What a transaction did, or would do if it was `dry`: the change, what was there already, what was built anew.

    `back` are distributions that came back without a look, behind what they replaced.
    """

    change: Change
    already: tuple[str, ...] = ()
    dry: bool = False
    repaired: tuple[Locked, ...] = ()
    back: tuple[tuple[Locked | None, Locked], ...] = ()

    @property
    def came(self) -> list[tuple[Locked | None, Locked]]:
        """Return what came, each behind what it replaced, by name."""
        arrived = [(arrival.before, arrival.locked) for arrival in self.change.arrivals if arrival.moved]
        return sorted([*arrived, *self.back], key=lambda pair: pair[1].name)


def install(
    words: Sequence[str], *, plugins: "Plugins", consent: Consent, editable: bool = False, dry: bool = False
) -> Done:
    """Install packs, or show what would be. Raises KTError; then nothing was changed."""
    references = [parse(word, editable=editable) for word in words]
    with overlay.alone() as work:
        lock, base = Lock.current(), below()
        _check_sources(references)
        wanted = [r for r in references if not _there(r, lock, base)]
        already = tuple(r.text for r in references if r not in wanted)
        if not wanted:
            return Done(Change(lock), already)
        finder = _finder(plugins, consent, work, base)
        roots = _replaceable(_of_different_names([finder.root(r) for r in wanted]), base)
        change = _planner(lock, base, finder).plan(finder.with_needed(roots, lock.packs, base))
        coming = sorted(a.locked.name for a in change.arrivals)
        moved = {a.locked.name for a in change.arrivals if a.moved}
        already += tuple(f"{n} {change.lock.packs[n].version}" for n in _names(roots) if n not in moved)
        if coming or change.gone:
            _agree(change, consent, f"Install {', '.join(coming)}?", plugins=plugins, dry=dry)
        torn = overlay.torn(lock) if change.lock == lock and not dry else []
        if torn or (change.lock != lock and not dry):
            _apply(change, consent, work)
    return Done(change, already, dry, tuple(torn))


def met(words: Sequence[str]) -> bool:
    """Tell whether what is installed meets all references, without a look at anything else."""
    references = [parse(word) for word in words if word.startswith("@") or "/" not in word]
    if len(references) < len(words):
        return False
    lock, base = Lock.current(), below()
    return all(_there(reference, lock, base) for reference in references)


def uninstall(names: Iterable[str], *, consent: Consent) -> Done:
    """Remove packs, and what only they needed. Raises NotFound for one that is not installed."""
    with overlay.alone() as work:
        lock, base = Lock.current(), below()
        wanted = [_named(name) for name in names]
        for name in wanted:
            if name in lock.packs and not lock.packs[name].requested:
                by = lock.needing(name)
                raise UsageError(f"{name} came with {', '.join(by)}", hint=f"kt uninstall {by[0]}")
            if name not in lock.packs:
                if name in base.versions:
                    raise UsageError(f"{name} is part of this installation", hint=f"pip uninstall {name}")
                raise NotFound(f"{name} is not installed", hint=nearest(name, lock.requested))
        after = lock.without(wanted)
        change = Change(after, [], [p for n, p in lock.packs.items() if n not in after.packs])
        consent.tell(told(change))
        consent.tell(f"{n} stays: needed by {', '.join(after.needing(n))}" for n in wanted if n in after.packs)
        consent.ask("Remove?")
        _apply(change, consent, work)
    return Done(change)


def update(names: Collection[str], *, plugins: "Plugins", consent: Consent, dry: bool = False) -> Done:
    """Bring packs to their newest versions, all of them without names, or show what would be.

    Asks where one would need, register or depend on more than before, and where one would go back.
    """
    with overlay.alone() as work:
        lock, base = Lock.current(), below()
        wanted = [normal(name.removeprefix("@")) for name in names] or list(lock.requested)
        if unknown := [name for name in wanted if name not in lock.requested]:
            hint = "pip install -U" if unknown[0] in base.versions else nearest(unknown[0], lock.requested)
            raise NotFound(f"{unknown[0]} was not installed with kt install", hint=hint)
        if any(lock.packs[name].requested.startswith("@") for name in wanted):
            refresh(consent)
        finder = _finder(plugins, consent, work, base)
        found = roots_of({name: lock.packs[name] for name in wanted}, finder, every=not names)
        moving = lock.needed(found) - (lock.requested.keys() - found.keys())
        stays = {name: pack for name, pack in lock.packs.items() if name not in moving}
        change = _planner(lock, base, finder).plan(finder.with_needed(found.values(), stays, base), newest=moving)
        if change.arrivals or change.gone:
            consent.tell(withdrawn(found.values(), lock.packs))
            _agree(change, consent, "Update?", plugins=plugins, dry=dry, only_if_grown=True)
            if not dry:
                _apply(change, consent, work)
    return Done(change, dry=dry)


def rollback(*, consent: Consent) -> Done:
    """Go back to what was installed before the last change; once more undoes that."""
    with overlay.alone() as work:
        lock, before = _readable(consent), overlay.previous()
        change = Change(before, [], [p for n, p in lock.packs.items() if n not in before.packs])
        back = tuple((lock.packs.get(n), p) for n, p in before.packs.items() if not p.is_as(lock.packs.get(n)))
        consent.tell(told(change, back=back))
        _apply(change, consent, work)
    return Done(change, back=back)


def _readable(consent: Consent) -> Lock:
    """Return the lock, as if nothing was installed where it can't be read."""
    try:
        return Lock.current()
    except DataError as error:
        consent.tell([f"note: {error}"])
        return Lock()


def sync(file: Path | None, *, wheels: Path | None, plugins: "Plugins", consent: Consent) -> Done:
    """Install exactly what a lock says, to the byte; the user's own without `file`.

    Raises NotFound for a wheel that its `url` or the folder `wheels` does not give, Tampered for other bytes.
    """
    if wheels is not None and not wheels.is_dir():
        raise NotFound(f"no folder {str(wheels)!r}")
    base = below()
    own = _readable(consent) if file else Lock.current()
    lock = Lock.read(file) if file else own
    file = None if lock == own else file
    if missing := [f"{n} {p.version}" for n, p in lock.packs.items() if n in base.versions]:
        raise InstallFailed(f"{missing[0]} is in this installation already", hint="a lock holds what is beside it")
    with overlay.alone() as work:
        found = addresses(lock, wheels)
        if file and any(not url.startswith("file://") for url in found.values()):
            consent.tell(pinned(lock))
            consent.ask(f"Fetch what {file} says, and look at it?")
        bring(lock, found, work)
        change = Planner(own, base, work, official=official()).replay(lock)
        if file:
            _agree(change, consent, f"Install what {file} says?", plugins=plugins, foreign=True)
        repaired, strange = overlay.torn(own), overlay.strange(own) if lock == own else []
        _apply(change, consent, work)
        consent.tell(f"removed {name}, which is of no pack" for name in strange)
    return Done(change, repaired=tuple(p for p in repaired if change.lock.packs.get(p.name) == p))


def _there(reference: Reference, lock: Lock, base: Installed) -> bool:
    """Tell whether a reference is met already. Raises InstallFailed where what is there can't be replaced."""
    if reference.form not in ("index", "requirement"):
        return False
    wanted = Requirement(f"{reference.name}{reference.specifier}")
    if version := base.versions.get(reference.name):
        if admits(wanted, version):
            return True
        raise InstallFailed(
            f"{reference.name} {version} is part of this installation, and a pack can't replace it",
            hint=f"pip install -U '{wanted}'",
        )
    pack = lock.packs.get(reference.name)
    if pack is None or (reference.source and pack.source != f"{OF_INDEX}{reference.source}"):
        return False
    return bool(pack.requested) and admits(wanted, pack.version)


def _of_different_names(roots: list[Root]) -> list[Root]:
    """Return the roots. Raises UsageError where two wheels or folders are one distribution."""
    seen: dict[str, Root] = {}
    for root in roots:
        if (root.wheel or root.project) and (other := seen.setdefault(normal(root.requirement.name), root)) is not root:
            raise UsageError(
                f"{other.asked} and {root.asked} are both {other.requirement.name}", hint="name one of them"
            )
    return roots


def _names(roots: Iterable[Root]) -> list[str]:
    return [normal(root.requirement.name) for root in roots]


def _replaceable(roots: list[Root], base: Installed) -> list[Root]:
    """Return the roots. Raises InstallFailed for one that is called like a distribution below the packs."""
    if taken := [name for name in _names(roots) if name in base.versions]:
        raise InstallFailed(f"{taken[0]} is part of this installation, and a pack can't replace it")
    return roots


def _check_sources(references: Iterable[Reference]) -> None:
    """Raise NotFound for a source that is not known, also where its pack is there."""
    if named := {reference.source for reference in references if reference.source}:
        from ..index import Sources

        for source in named:
            Sources().get(source)


def _named(word: str) -> str:
    """Return the name that a word means: a name, or the folder of a project. Raises UsageError."""
    if "/" not in word.removeprefix("@") and word not in (".", ".."):
        return normal(word.removeprefix("@"))
    folder = Path(word).expanduser()
    if not (folder / "pyproject.toml").is_file():
        raise UsageError(f"{word} names no pack, and is no folder of one", hint="kt uninstall NAME")
    return Project(folder).name


def _finder(plugins: "Plugins", consent: Consent, work: Path, base: Installed) -> Finder:
    quarantine = work / "quarantine"
    quarantine.mkdir()
    return Finder(plugins, consent, work, quarantine, base.versions[KERNEL])


def _planner(lock: Lock, base: Installed, finder: Finder) -> Planner:
    return Planner(lock, base, finder.quarantine, official=official())


def _agree(
    change: Change,
    consent: Consent,
    question: str,
    *,
    plugins: "Plugins",
    dry: bool = False,
    only_if_grown: bool = False,
    foreign: bool = False,
) -> None:
    """Return if the change may be made: nothing in it is refused, and its user says yes; a `dry` one is not asked."""
    consent.tell(told(change, foreign=foreign))
    if refused := [a for a in change.arrivals if a.inspection is not None and a.inspection.refused]:
        first = refused[0]
        why = "; ".join(f.text for f in first.inspection.findings if f.level == "refuse") if first.inspection else ""
        raise Refused(f"{first.locked.name} {first.locked.version} is refused: {why}", hint="nothing was changed")
    refuse_taken(change, plugins.registry, below())
    if dry:
        return
    if not only_if_grown or any(a.grown or a.news or a.before is None or _asks(a) for a in change.arrivals):
        consent.ask(question)


def _asks(arrival: Arrival) -> bool:
    return arrival.inspection is not None and bool(arrival.inspection.asks)


def _apply(change: Change, consent: Consent, work: Path) -> None:
    for arrival in change.arrivals:
        if arrival.inspection is not None:
            store.keep(arrival.locked, arrival.inspection.wheel.path)
    consent.tell(f"note: {lost.error}" for lost in gone(change.lock.packs.values()))
    overlay.build(change.lock, work)
    overlay.switch(change.lock)
    overlay.tidy()
