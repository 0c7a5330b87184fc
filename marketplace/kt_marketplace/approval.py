"""Before an agent runs: each pack that takes part was approved with what it needs, and claims no more than that.

`kt install` asks when a pack comes in. What another program installed (`pip install`) is asked about here, the first
time that it takes part in a run.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kt import Agent
from kt.errors import DataError, NotFound

from .home import home
from .install import overlay
from .install.consent import Consent
from .install.errors import Refused
from .install.lock import Lock
from .manifest import FILE, Pack
from .needs import Needs
from .official import names as official

if TYPE_CHECKING:
    from kt import Plugins

APPROVED = "approved.json"


def mind(agent: Agent) -> None:
    """Return if every pack that takes part in an agent was approved; ask about those that were not.

    Raises Refused, Tampered for an installed pack whose file list was changed, NotBuilt.
    """
    in_use = overlay.in_use()
    packs = in_use[0].packs if in_use else {}
    plugins = agent.host.plugins
    for name in sorted(set(_taking_part(agent)) - official()):
        pack = manifest_of(plugins, name)
        needs = pack.needs if pack else Needs()
        granted = packs[name].needs if name in packs else _approved().get(name)
        if granted is None or (more := needs.beyond(granted)):
            _ask(name, pack, needs if granted is None else more)
            approve(name, needs)
            granted = needs
        _hold(agent, name, granted)


def _ask(name: str, pack: Pack | None, needs: Needs) -> None:
    consent = Consent()
    says = [f"    may {line}" for line in needs.lines()] if pack else ["    it does not say what it needs"]
    consent.tell([f"{name} was not installed with kt install, so nobody looked at it:", *says])
    try:
        consent.ask(f"Let {name} take part, with your rights?")
    except Refused as error:
        raise Refused(f"{name} was not approved", hint=f"kt trust @{name}") from error


def approve(name: str, needs: Needs) -> None:
    """Remember that a pack which another program installed may take part, needing this."""
    file = home() / APPROVED
    approved = {**{n: g.table() for n, g in _approved().items()}, name: needs.table()}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(dict(sorted(approved.items())), indent=1) + "\n", encoding="utf-8")
    fresh.replace(file)


def approve_by_name(plugins: "Plugins", name: str) -> list[str]:
    """Approve an installed pack with what it needs now; return that in words. Raises NotFound."""
    if name not in {point.dist for point, _ in plugins.modules.values()}:
        raise NotFound(f"no pack {name!r} is installed", hint=f"kt install @{name}")
    pack = manifest_of(plugins, name)
    needs = pack.needs if pack else Needs()
    approve(name, needs)
    return needs.lines()


def about(plugins: "Plugins", name: str) -> list[str]:
    """Return what is known of an installed pack: what it says of itself, where it came from, what it may do."""
    pack, locked = manifest_of(plugins, name), Lock.current().packs.get(name)
    out = [pack.description] if pack else ["it has no kt-pack.toml"]
    if pack and (pack.license or pack.homepage):
        out.append(" ".join(word for word in (pack.license, pack.homepage) if word))
    if locked is not None:
        out.append(f"from {locked.source}, as {locked.requested}" if locked.requested else "came with another pack")
        out.append(f"runs from {locked.editable}" if locked.editable else f"sha256 {locked.sha256}")
    elif name not in official():
        out.append("approved" if name in _approved() else f"not approved: kt trust @{name}")
    return out + [f"may {line}" for line in (pack.needs.lines() if pack else ())]


def _approved() -> dict[str, Needs]:
    file = home() / APPROVED
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {name: Needs.parse(table, where=str(file)) for name, table in data.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"can't read what was approved: {error}", where=str(file)) from error


def _taking_part(agent: Agent) -> Iterator[str]:
    """Yield the distributions whose plugins, tools, creature, provider and ends take part in an agent."""
    registry, creature = agent.host.registry, agent.creature
    yield from (active.dist.partition(" ")[0] for active in agent.active if active.dist)
    named = [("tool", tool.name) for tool in agent.tool_list] + [("provider", agent.model.partition("/")[0])]
    ends = {"trigger": creature.triggers, "output": creature.outputs, "subagent": creature.subagents}
    named += [(kind, thing) for kind, things in ends.items() for thing in things if isinstance(thing, str)]
    named += [(k, str(t["name"])) for k, things in ends.items() for t in things if isinstance(t, dict) and "name" in t]
    for kind, name in named:
        if (entry := registry.find(kind, name)) is not None:
            yield entry.dist
    if creature.path is not None:
        yield from _carrying(agent.host.plugins, creature.path)


def _carrying(plugins: "Plugins", path: Path) -> Iterator[str]:
    """Yield the distribution whose package holds a file."""
    for dist in {point.dist for point, _ in plugins.modules.values()}:
        folder = package_of(plugins, dist)
        if folder is not None and path.resolve().is_relative_to(folder.resolve()):
            yield dist


def package_of(plugins: "Plugins", dist: str) -> Path | None:
    """Return the folder of a distribution's import package, without importing it."""
    values = [point.value for point, _ in plugins.modules.values() if point.dist == dist]
    name = values[0].partition(":")[0].partition(".")[0] if values else dist.replace("-", "_")
    spec = find_spec(name) if name.isidentifier() else None
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def manifest_of(plugins: "Plugins", dist: str) -> Pack | None:
    """Return the manifest of an installed distribution; None where it has none. Raises DataError."""
    folder = package_of(plugins, dist)
    if folder is None or not (folder / FILE).is_file():
        return None
    return Pack.parse((folder / FILE).read_text(encoding="utf-8"), where=str(folder / FILE))


def _hold(agent: Agent, name: str, granted: Needs) -> None:
    """Raise Refused for a tool of a pack that declares more than its pack was approved with."""
    for tool in agent.tool_list:
        entry = agent.host.registry.find("tool", tool.name)
        if entry is None or entry.dist != name:
            continue
        declared = tool.needs
        wants = Needs(declared.reads, declared.writes, declared.net, declared.exec, declared.secrets)
        if more := wants.beyond(granted):
            raise Refused(
                f"the tool {tool.name} of {name} would {', '.join(more.lines())}, which its {FILE} does not say",
                hint=f"tell its authors, or kt uninstall {name}",
            )
