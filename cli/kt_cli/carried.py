"""What packs carry: creatures, recipes, skills and prompts with their descriptions, and the packs themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kt.errors import KTError

if TYPE_CHECKING:
    from kt import Plugins

FINDERS = {"creature": ("config", "creatures_of"), "terrarium": ("loader", "terrariums")}
"""By kind, the entry that names what a distribution carries of it."""
TEXTS = {"skill": "skills/{}", "prompt": "prompts/{}.md"}
"""By kind, where a pack has what is only read."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One file or folder of a pack, by its reference."""

    kind: str
    reference: str
    description: str


def carried_by(plugins: "Plugins", dist: str) -> Iterator[Carried]:
    """Yield the creatures of a distribution, then its recipes where something reads them. Raises DataError."""
    provided = _provided(plugins, dist)
    for kind, (finder, name) in FINDERS.items():
        entry = plugins.registry.find(finder, name)
        for reference in () if entry is None else entry.load()(plugins, dist):
            called = reference.rpartition("/")[2].partition(".")[0]
            registered = plugins.registry.find(kind, called)
            said = registered.help if registered is not None and registered.dist == dist else ""
            said = said or provided.get((kind, called), "") or _in_file(plugins, kind, reference)
            yield Carried(kind, reference, said)


def texts_of(plugins: "Plugins", dist: str) -> Iterator[Carried]:
    """Yield the skills and prompts that a distribution lists in its manifest alone. Raises DataError."""
    for (kind, name), description in _provided(plugins, dist).items():
        registered = plugins.registry.find(kind, name)
        if kind in TEXTS and (registered is None or registered.dist != dist):
            yield Carried(kind, f"@{dist}/{TEXTS[kind].format(name)}", description)


def _provided(plugins: "Plugins", dist: str) -> dict[tuple[str, str], str]:
    """Return the descriptions of what a distribution's manifest lists, by kind and name; {} without a manifest."""
    entry = plugins.registry.find("packs", "manifest")
    manifest = None if entry is None else entry.load()(plugins, dist)
    return {(p.kind, p.name): p.description for p in (manifest.provides if manifest is not None else ())}


def _in_file(plugins: "Plugins", kind: str, reference: str) -> str:
    """Return the description that a file has of itself, or in brackets why that can't be read."""
    registry = plugins.registry
    try:
        file = registry.get("config", "reference")(plugins, reference)
        data: dict[str, Any] = registry.get("config", "document")(file, registry).data
    except KTError as error:
        return f"({error})"
    table = data if kind == "creature" else data.get(kind)
    return str(table.get("description") or "") if isinstance(table, dict) else ""


def packs(plugins: "Plugins") -> list[dict[str, Any]]:
    """Return a row for each installed pack that is not kt's own: where it came from, and the folder it runs from."""
    from kt_marketplace.install.lock import Lock
    from kt_marketplace.owners import Owners

    owners, lock = Owners(plugins), Lock.current()
    versions = {point.dist: point.version for point, _ in plugins.modules.values()}
    strangers = {dist: version for dist, version in versions.items() if not owners.is_official(dist)}
    rows = []
    for dist, version in sorted({**strangers, **{n: p.version for n, p in lock.requested.items()}}.items()):
        locked, manifest = lock.packs.get(dist), owners.manifest(dist)
        rows.append({"kind": "pack", "name": dist, "help": manifest.description if manifest else "",
                     "distribution": dist, "version": version,
                     "source": locked.source if locked else "environment",
                     "runs_from": locked.editable if locked else ""})  # fmt: skip
    return rows
