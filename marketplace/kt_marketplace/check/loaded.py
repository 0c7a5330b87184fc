"""What can be told once the pack is loaded: what it registers, its hooks, the contracts of kinds, its creatures."""

from collections import Counter
from typing import TYPE_CHECKING

from kt.errors import KTError, PluginError

from ..manifest import Pack
from . import creatures, inside, kinds
from .outcome import Found, Outcome
from .plugins import hooks_of
from .subject import Subject

if TYPE_CHECKING:
    from kt import Entry, Plugins


def outcomes(subject: Subject, installed: "Plugins") -> list[Outcome]:
    """Return the outcome of each check that runs the pack's code, which `installed` must have loaded."""
    loading = Outcome.of("loading", "its plugins load", _loading(subject, installed))
    if loading.problems:
        return [loading]
    entries = [entry for entry in installed.registry.entries() if entry.dist == subject.name]
    pack = _manifest(subject)
    found = [loading]
    if pack is not None:
        found.append(Outcome.of("provides", "lists what is there", _provides(subject, pack, entries)))
        found.append(Outcome.of("hooks", "lists what its plugins implement", _hooks(subject, pack, entries, installed)))
    if subject.package is not None:
        found.append(Outcome.of("texts", "skills and prompts are whole", inside.texts(subject.package)))
    for entry in entries:
        found.append(kinds.outcome_of(entry, installed, pack.needs if pack is not None else None))
    for kind, name in inside.files_of(subject.package) if subject.package else ():
        if kind in ("creature", "terrarium"):
            reference = f"@{subject.name}/{kind}s/{name}"
            found.append(Outcome.of(reference, "builds", creatures.builds(reference, installed)))
    return found


def _manifest(subject: Subject) -> Pack | None:
    """Return the manifest, None for a missing or broken one: `static` has said so."""
    try:
        return subject.manifest
    except KTError:
        return None


def _loading(subject: Subject, installed: "Plugins") -> Found:
    _ = installed.specs, installed.manager
    loaded = {point.name for point, _ in installed.modules.values() if point.dist == subject.name}
    for name, module in subject.entries.items():
        if name in installed.failed:
            error = installed.failed[name]
            yield str(error), f"mend {module}"
        elif name not in loaded:
            yield f"another distribution has the entry point {name} too", f"call it {subject.name.removeprefix('kt-')}"


def _provides(subject: Subject, pack: Pack, entries: "list[Entry]") -> Found:
    """Yield where `provides` of the manifest and what is there differ."""
    there = {(entry.kind, entry.name) for entry in entries}
    there |= set(inside.files_of(subject.package)) if subject.package else set()
    listed = Counter((provided.kind, provided.name) for provided in pack.provides)
    for kind, name in sorted(there - set(listed)):
        yield f"{kind} {name} is not listed", f'[[provides]] kind = "{kind}", name = "{name}" in kt-pack.toml'
    for kind, name in sorted(set(listed) - there):
        yield f"{kind} {name} is listed and not there", "take it out of kt-pack.toml, or register it"
    for (kind, name), count in listed.items():
        if count > 1:
            yield f"{kind} {name} is listed {count} times", "list it once"


def _hooks(subject: Subject, pack: Pack, entries: "list[Entry]", installed: "Plugins") -> Found:
    """Yield where `hooks` of the manifest and those that entry modules and plugin classes implement differ."""
    things = [module for point, module in installed.modules.values() if point.dist == subject.name]
    for entry in entries:
        if entry.kind == "plugin":
            try:
                things.append(entry.load())
            except PluginError:
                return  # the check of its kind says so
    there = {hook for thing in things for hook in hooks_of(thing)}
    for hook in sorted(there - set(pack.hooks)):
        yield f"{hook} is implemented and not listed", f'hooks = [..., "{hook}"] in kt-pack.toml'
    for hook in sorted(set(pack.hooks) - there):
        yield f"{hook} is listed and not implemented", "take it out of kt-pack.toml"
