"""Change what is installed: plan, show, ask, build beside, switch. Until the switch nothing is changed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import NotFound, UsageError, nearest
from packaging.requirements import Requirement

from ..inspect import Installed
from ..manifest import normal
from ..official import names as official
from . import overlay, store
from .base import admits, below
from .consent import Consent
from .errors import InstallFailed, Refused
from .lock import Lock
from .plan import Arrival, Change, Planner, Root
from .reference import Reference, parse
from .roots import Finder
from .show import pinned, told

if TYPE_CHECKING:
    from kt import Plugins

KERNEL = "kt-core"


@dataclass(frozen=True, slots=True)
class Done:
    """What a transaction did: the change, and what was there already."""

    change: Change
    already: tuple[str, ...] = ()


def install(words: Sequence[str], *, plugins: "Plugins", consent: Consent, editable: bool = False) -> Done:
    """Install packs. Raises KTError; then nothing was changed."""
    references = [parse(word, editable=editable) for word in words]
    with overlay.alone() as work:
        lock, base = Lock.current(), below()
        wanted = [r for r in references if not _there(r, lock, base)]
        already = tuple(r.text for r in references if r not in wanted)
        if not wanted:
            return Done(Change(lock), already)
        finder = _finder(plugins, consent, work, base)
        change = _planner(lock, base, finder).plan(_of_different_names([finder.root(r) for r in wanted]))
        _agree(change, consent, f"Install {', '.join(sorted(a.locked.name for a in change.arrivals))}?")
        _apply(change, finder.quarantine, work)
    return Done(change, already)


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
        wanted = [normal(name.removeprefix("@")) for name in names]
        for name in wanted:
            if name in lock.packs and not lock.packs[name].requested:
                by = sorted(n for n, p in lock.packs.items() if name in p.requires)
                raise UsageError(f"{name} came with {', '.join(by)}", hint=f"kt uninstall {by[0]}")
            if name not in lock.packs:
                if name in base.versions:
                    raise UsageError(f"{name} is part of this installation", hint=f"pip uninstall {name}")
                raise NotFound(f"{name} is not installed", hint=nearest(name, lock.requested))
        after = lock.without(wanted)
        change = Change(after, [], [p for n, p in lock.packs.items() if n not in after.packs])
        consent.tell(told(change))
        consent.ask("Remove?")
        _apply(change, work, work)
    return Done(change)


def update(names: Collection[str], *, plugins: "Plugins", consent: Consent) -> Done:
    """Bring packs to their newest versions, all of them without names.

    Asks where one would need, register or depend on more than before.
    """
    with overlay.alone() as work:
        lock, base = Lock.current(), below()
        wanted = [normal(name.removeprefix("@")) for name in names] or list(lock.requested)
        if unknown := [name for name in wanted if name not in lock.requested]:
            hint = "pip install -U" if unknown[0] in base.versions else nearest(unknown[0], lock.requested)
            raise NotFound(f"{unknown[0]} was not installed with kt install", hint=hint)
        finder = _finder(plugins, consent, work, base)
        asked = [parse(lock.packs[name].requested, editable=bool(lock.packs[name].editable)) for name in wanted]
        roots = [finder.root(reference) for reference in asked]
        change = _planner(lock, base, finder).plan(roots, newest=lock.needed(wanted))
        if change.arrivals or change.gone:
            _agree(change, consent, "Update?", only_if_grown=True)
            _apply(change, finder.quarantine, work)
    return Done(change)


def rollback(*, consent: Consent) -> Done:
    """Go back to what was installed before the last change; once more undoes that."""
    with overlay.alone() as work:
        lock, before = Lock.current(), overlay.previous()
        change = Change(before, [], [p for n, p in lock.packs.items() if n not in before.packs])
        consent.tell(told(change, came=[p for n, p in before.packs.items() if lock.packs.get(n) != p]))
        _apply(change, work, work)
    return Done(change)


def sync(file: Path | None, *, wheels: Path | None, consent: Consent) -> Done:
    """Install exactly what a lock says, to the byte; the user's own without `file`.

    Raises NotFound for a wheel that its `url` or the folder `wheels` does not give, Tampered for other bytes.
    """
    own, base = Lock.current(), below()
    lock = Lock.read(file) if file else own
    if missing := [f"{n} {p.version}" for n, p in lock.packs.items() if n in base.versions]:
        raise InstallFailed(f"{missing[0]} is in this installation already", hint="a lock holds what is beside it")
    with overlay.alone() as work:
        addresses = _addresses(lock, wheels)
        if file and any(not url.startswith("file://") for url in addresses.values()):
            consent.tell(pinned(lock))
            consent.ask(f"Fetch what {file} says, and look at it?")
        _fetched(lock, addresses, work)
        change = Planner(own, base, work, official=official()).replay(lock)
        if file:
            _agree(change, consent, f"Install what {file} says?", foreign=True)
        _apply(change, work, work)
    return Done(change)


def _addresses(lock: Lock, wheels: Path | None) -> dict[str, str]:
    """Return where the wheels that are not stored can be had, by name. Raises NotFound for one without an address."""
    out = {}
    for name, pack in lock.packs.items():
        if pack.editable or store.holds(pack):
            continue
        beside = wheels / pack.file if wheels else None
        out[name] = beside.absolute().as_uri() if beside and beside.is_file() else pack.url
        if not out[name]:
            raise NotFound(f"{name} came from a file", hint="give its wheel: kt sync --wheels FOLDER")
    return out


def _fetched(lock: Lock, addresses: Mapping[str, str], work: Path) -> None:
    """Bring wheels from their addresses into the store."""
    from ..transport import fetch

    for name, url in addresses.items():
        pack = lock.packs[name]
        store.keep(pack, fetch(url, pack.sha256, work / pack.file))


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
    return pack is not None and bool(pack.requested) and admits(wanted, pack.version)


def _of_different_names(roots: list[Root]) -> list[Root]:
    """Return the roots. Raises UsageError where two wheels or folders are one distribution."""
    seen: dict[str, Root] = {}
    for root in roots:
        if (root.wheel or root.project) and (other := seen.setdefault(normal(root.requirement.name), root)) is not root:
            raise UsageError(
                f"{other.asked} and {root.asked} are both {other.requirement.name}", hint="name one of them"
            )
    return roots


def _finder(plugins: "Plugins", consent: Consent, work: Path, base: Installed) -> Finder:
    quarantine = work / "quarantine"
    quarantine.mkdir()
    return Finder(plugins, consent, work, quarantine, base.versions[KERNEL])


def _planner(lock: Lock, base: Installed, finder: Finder) -> Planner:
    return Planner(lock, base, finder.quarantine, official=official())


def _agree(
    change: Change, consent: Consent, question: str, *, only_if_grown: bool = False, foreign: bool = False
) -> None:
    """Return if the change may be made: nothing in it is refused, and its user says yes."""
    consent.tell(told(change, foreign=foreign))
    if refused := [a for a in change.arrivals if a.inspection is not None and a.inspection.refused]:
        first = refused[0]
        why = "; ".join(f.text for f in first.inspection.findings if f.level == "refuse") if first.inspection else ""
        raise Refused(f"{first.locked.name} {first.locked.version} is refused: {why}", hint="nothing was changed")
    if not only_if_grown or any(a.grown or a.news or a.before is None or _asks(a) for a in change.arrivals):
        consent.ask(question)


def _asks(arrival: Arrival) -> bool:
    return arrival.inspection is not None and bool(arrival.inspection.asks)


def _apply(change: Change, quarantine: Path, work: Path) -> None:
    for arrival in change.arrivals:
        if arrival.inspection is not None:
            store.keep(arrival.locked, arrival.inspection.wheel.path)
    overlay.build(change.lock, work)
    overlay.switch(change.lock)
    overlay.tidy()
