"""Each pack that takes part in a run was approved with what it needs, and claims no more than that.

`kt install` asks when a pack comes in. What another program installed (`pip install`) is asked about here, the first
time that it takes part in a run: before anything of the run is built. The guard `packs` holds every agent to it, those
that a run makes later too, and asks nobody.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import hookimpl
from kt.errors import DataError, NotFound

from .home import home
from .install.consent import Consent
from .install.errors import Refused
from .install.in_use import in_use
from .install.lock import Lock, Locked
from .manifest import FILE, Pack
from .needs import Needs
from .owners import Owners

if TYPE_CHECKING:
    from kt import Agent, Creature, Plugins, Tool

APPROVED = "approved.json"
ENDS = ("triggers", "outputs", "subagents", "input")
KINDS = {"triggers": "trigger", "outputs": "output", "subagents": "subagent", "input": "input"}


def ask(plugins: "Plugins", creature: "Creature", files: Iterable[Path], named: Iterable[tuple[str, str]]) -> None:
    """Return if every pack that would take part in a run may; ask about those that nobody approved.

    `files` are what loading the creature opened, `named` (kind, name) of what the run uses beside the creature's own.
    Raises Refused, and what is wrong with the installed packs, be they used or not: Tampered for changed file lists,
    NotBuilt where they are not there, DataError for a broken kt.lock.
    """
    packs = Packs(plugins)
    packs.check()
    for name in sorted(packs.strangers(packs.named(creature, files, named))):
        packs.approved(name, Consent())


class Packs:
    """The guard `packs`: an agent starts only if all packs that take part in it were approved."""

    scope = "host"
    decides = False
    """It has no say in which calls are asked about, so it is no guard that makes programs safe to run."""

    def __init__(self, plugins: "Plugins | None" = None) -> None:
        self._plugins = plugins
        self._owners: Owners | None = None
        self._installed: tuple[Lock, Path] | None = None
        self._checked = False

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: "Agent") -> "AsyncIterator[None]":
        self._plugins = agent.host.plugins
        self.check()
        for name in sorted(self.strangers(self.acting(agent))):
            granted = self.approved(name, None)
            for tool in self.tools_of(agent):
                if self.owner_of(tool) == name:
                    _hold(name, tool, granted)
        yield

    @property
    def owners(self) -> Owners:
        if self._owners is None:
            assert self._plugins is not None
            self._owners = Owners(self._plugins)
        return self._owners

    def check(self) -> None:
        """Raise what is wrong with the installed packs, once: their entry modules act in every run, named or not."""
        if not self._checked:
            self._installed, self._checked = in_use(), True

    def strangers(self, dists: Iterable[str | None]) -> set[str]:
        """Return those of some distributions that are not ours, with what took names over in every run."""
        registry = self.owners.plugins.registry
        over = {entry.dist for entry in registry.entries() if entry.override}
        return {dist for dist in (*dists, *over) if dist and not self.owners.is_official(dist)}

    def named(
        self, creature: "Creature", files: Iterable[Path], named: Iterable[tuple[str, str]]
    ) -> Iterator[str | None]:
        """Yield the distributions of what a creature and a run name, before anything of it is imported."""
        registry, owners = self.owners.plugins.registry, self.owners
        yield from (owners.of_path(file) for file in files)
        for part in (creature, *creature.variants.values()):
            for kind, name in (*_names(part), *named):
                if ":" in name and kind == "tool":
                    module = name.rpartition(":")[0]
                    beside = (creature.path.parent if creature.path else Path()) / module
                    yield owners.of_path(beside) if module.endswith(".py") else owners.of_module(module)
                elif name.startswith("@"):
                    yield name[1:].partition("/")[0]
                elif (entry := registry.find(kind, name)) is not None:
                    yield entry.dist

    def acting(self, agent: "Agent") -> Iterator[str | None]:
        """Yield the distributions of what an agent was built of."""
        yield from (active.dist.partition(" ")[0] or None for active in agent.active)
        yield from map(self.owner_of, agent.tool_list)
        yield self.owners.of_module(type(agent.provider).__module__)
        files = [agent.creature.path] if agent.creature.path else []
        yield from self.named(agent.creature, files, ())

    def tools_of(self, agent: "Agent") -> "Iterator[Tool]":
        """Yield the tools of an agent, and the registered ones that its sub-agents will have."""
        yield from agent.tool_list
        registry = self.owners.plugins.registry
        for kind, name in _names(agent.creature):
            if kind == "tool" and (entry := registry.find(kind, name)) is not None and name not in agent.tools:
                yield entry.load()

    def owner_of(self, tool: "Tool") -> str | None:
        """Return the distribution that a tool's code came with."""
        function: Any = getattr(tool, "function", tool)
        return self.owners.of_module(str(getattr(function, "__module__", type(tool).__module__)))

    def approved(self, name: str, consent: Consent | None) -> Needs:
        """Return what a pack was approved with; asks where it was not, if somebody may be. Raises Refused."""
        pack = self.owners.manifest(name)
        needs = pack.needs if pack else Needs()
        granted = self._granted(name)
        if granted is None or needs.beyond(granted):
            _asked(name, pack, needs if granted is None else needs.beyond(granted), consent)
            approve(self.owners, name, needs)
            return needs
        return granted

    def _granted(self, name: str) -> Needs | None:
        """Return what was approved for the copy of a pack that is there, None for nothing."""
        self.check()
        if self._installed is not None:
            lock, site = self._installed
            if (locked := lock.packs.get(name)) is not None and self._lies_in(locked, site):
                return locked.needs
        given = _read().get(name)
        return given[1] if given is not None and given[0] == self.owners.digest(name) else None

    def _lies_in(self, locked: Locked, site: Path) -> bool:
        """Tell whether a pack of the lock is what Python finds, and not another copy earlier on the path."""
        folder, within = self.owners.folder(locked.name), Path(locked.editable or site)
        return folder is not None and folder.is_relative_to(within.resolve())


def _names(part: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of the tools, plugins and ends that a creature, or one of its variants, names."""
    yield from (("tool", name) for name in part.tools or ())
    yield from (("plugin", name) for name in (*(part.plugins or {}), *getattr(part, "guards", ())))
    for key in ENDS:
        value = getattr(part, key, None) or ()
        for thing in value if isinstance(value, list | tuple) else (value,):
            if isinstance(thing, str):
                yield KINDS[key], thing
            elif isinstance(thing, dict):
                yield KINDS[key], str(thing.get("base") or thing.get("name", ""))
                yield from (("tool", str(name)) for name in thing.get("tools") or ())


def _hold(name: str, tool: "Tool", granted: Needs) -> None:
    """Raise Refused for a tool of a pack that declares more than its pack was approved with."""
    declared = tool.needs
    wants = Needs(declared.reads, declared.writes, declared.net, declared.exec, declared.secrets)
    if more := wants.beyond(granted):
        raise Refused(
            f"the tool {tool.name} of {name} would {', '.join(more.lines())}, which its {FILE} does not say",
            hint=f"tell its authors, or kt uninstall {name}",
        )


def _asked(name: str, pack: Pack | None, needs: Needs, consent: Consent | None) -> None:
    """Return if a person lets a pack take part. Raises Refused; where nobody may be asked, at once."""
    if consent is not None:
        says = [f"    may {line}" for line in needs.lines()] if pack else ["    it does not say what it needs"]
        consent.tell([f"{name} was not installed with kt install, so nobody looked at it:", *says])
        try:
            consent.ask(f"Let {name} take part, with your rights?")
            return
        except Refused as error:
            raise Refused(f"{name} was not approved", hint=f"kt trust @{name}") from error
    raise Refused(f"{name} was not approved", hint=f"kt trust @{name}")


def approve(owners: Owners, name: str, needs: Needs) -> None:
    """Remember that this copy of a pack may take part, needing this."""
    file = home() / APPROVED
    approved = {**_read(), name: (owners.digest(name), needs)}
    rows = {key: {"copy": copy, "needs": given.table()} for key, (copy, given) in sorted(approved.items())}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    fresh.replace(file)


def _read() -> dict[str, tuple[str, Needs]]:
    file = home() / APPROVED
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {n: (str(row["copy"]), Needs.parse(row["needs"], where=str(file))) for n, row in data.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"can't read what was approved: {error}", where=str(file), hint=f"remove {file}") from error


def approve_by_name(plugins: "Plugins", name: str) -> list[str]:
    """Approve an installed pack with what it needs now; return that in words. Raises NotFound."""
    owners = Owners(plugins)
    if owners.folder(name) is None:
        raise NotFound(f"no pack {name!r} is installed", hint=f"kt install @{name}")
    pack = owners.manifest(name)
    needs = pack.needs if pack else Needs()
    approve(owners, name, needs)
    return needs.lines()


def unapproved(plugins: "Plugins") -> list[str]:
    """Return the installed distributions with plugins that nobody approved: their code is loaded no further."""
    packs = Packs(plugins)
    out = []
    for name in sorted(packs.strangers({point.dist for point, _ in plugins.modules.values()})):
        try:
            packs.approved(name, None)
        except Refused:
            out.append(name)
    return out


def about(plugins: "Plugins", name: str) -> list[str]:
    """Return what is known of an installed pack: what it says of itself, where it came from, what it may do."""
    owners = Owners(plugins)
    pack, locked = owners.manifest(name), Lock.current().packs.get(name)
    out = [pack.description] if pack else ["it has no kt-pack.toml"]
    if pack and (pack.license or pack.homepage):
        out.append(" ".join(word for word in (pack.license, pack.homepage) if word))
    if locked is not None:
        out.append(f"from {locked.source}, as {locked.requested}" if locked.requested else "came with another pack")
        out.append(f"runs from {locked.editable}" if locked.editable else f"sha256 {locked.sha256}")
    elif not owners.is_official(name):
        out.append("approved" if name in _read() else f"not approved: kt trust @{name}")
    return out + [f"may {line}" for line in (pack.needs.lines() if pack else ())]


def manifest_of(plugins: "Plugins", dist: str) -> Pack | None:
    """Return the manifest of an installed distribution; None where it has none. Raises DataError."""
    return Owners(plugins).manifest(dist)
