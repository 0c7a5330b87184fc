"""Profiles: what acts in an agent, from the built-in set, the user's file and a trusted project's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Profile
from kt.errors import DataError, UnknownName, nearest

from .documents import Document
from .settings import Settings

if TYPE_CHECKING:
    from kt import Registry


@dataclass(slots=True)
class ReadProfile(Profile):
    """A profile and who said what: `origins` and `guard_origins` name the places, as "file:line:col" or built-in.

    `missed` are the names that a "no:NAME" disables though they were not enabled, each with its place.
    """

    origins: dict[str, list[str]] = field(default_factory=dict)
    guard_origins: dict[str, str] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """One table of a profile and where it stands; a built-in one has no document but the distribution's name."""

    table: Mapping[str, Any]
    keys: tuple[str, ...]
    document: Document | None = None
    dist: str = ""

    def where(self, *keys: str) -> str:
        """Return the place of a key below the table."""
        return self.document.where([*self.keys, *keys]) if self.document else f"built-in ({self.dist})"


def load(registry: "Registry", name: str, pwd: Path, creature: str = "") -> ReadProfile:
    """Return the profile of a name: built-in (kind `profile`), then the user's, then a trusted project's.

    What each of them says of `creature`, the name of one, comes after what it says of all. A project may add plugins
    and guards; "no:name" and `guards` that leave one out are the user's alone. A profile that only the project has
    starts from "default", or the one it extends, so that it can't do without their guards.
    Raises UnknownName with the nearest names, and DataError with file:line:col.
    """
    settings = Settings(pwd)
    built_in = {entry.name: Layer(entry.load(), (), dist=entry.dist) for entry in registry.entries("profile")}
    user, project = _layers(settings.user), _layers(settings.project)
    if name not in built_in and name not in user and name not in project:
        raise UnknownName(f"no profile {name!r}", hint=nearest(name, [*built_in, *user, *project]))
    profile = ReadProfile(name)
    start = name if name in user or name in built_in else project[name].table.get("extends", "default")
    if start not in user and start not in built_in:
        raise DataError(f"no profile {start!r} to extend", where=project[name].where("extends"))
    lineage = [layer for base in _lineage(start, user, built_in) for layer in _both(base, built_in, user)]
    for layer in lineage:
        _apply(profile, layer)
    granting = {entry.name for entry in registry.entries("plugin") if entry.data.get("grants")}
    for layer in _of_creature(lineage, creature):
        _refuse_loosening(profile, layer, granting, "a creature's part of a profile")
        _apply_more(profile, layer)
    for layer in [project[name], *_of_creature([project[name]], creature)] if name in project else []:
        if dropped := [p for p in layer.table.get("plugins", ()) if p.startswith("no:")]:
            raise DataError(f"a project can't disable a plugin ({dropped[0]})", where=layer.where("plugins"))
        _refuse_loosening(profile, layer, granting, "a project")
        _apply_more(profile, layer)
    said = {**{name: places[-1] for name, places in profile.origins.items()}, **profile.guard_origins}
    profile.places = {f"plugin {name}": place for name, place in said.items()}
    return profile


def names(registry: "Registry", pwd: Path) -> list[str]:
    """Return the names of all profiles."""
    settings = Settings(pwd)
    return sorted({*registry.names("profile"), *_layers(settings.user), *_layers(settings.project)})


def _layers(document: Document | None) -> dict[str, Layer]:
    tables = document.data.get("profile", {}) if document is not None else {}
    return {name: Layer(table, ("profile", name), document) for name, table in tables.items()}


def _both(name: str, built_in: Mapping[str, Layer], user: Mapping[str, Layer]) -> Iterator[Layer]:
    return (layers[name] for layers in (built_in, user) if name in layers)


def _of_creature(layers: list[Layer], creature: str) -> Iterator[Layer]:
    for layer in layers:
        if (table := layer.table.get("creature", {}).get(creature)) is not None:
            yield Layer(table, (*layer.keys, "creature", creature), layer.document, layer.dist)


def _lineage(name: str, user: Mapping[str, Layer], built_in: Mapping[str, Layer]) -> list[str]:
    """Return the profile's ancestors, oldest first, then itself. Raises DataError for a circle or an unknown one."""
    line = [name]
    while (parent := _first(line[0], user, built_in).table.get("extends")) is not None:
        if parent in line or (parent not in user and parent not in built_in):
            where = _first(line[0], user, built_in).where("extends")
            why = f"circle: {' -> '.join([parent, *line])}" if parent in line else f"no profile {parent!r}"
            raise DataError(f"profile {line[0]!r} extends itself ({why})" if parent in line else why, where=where)
        line.insert(0, parent)
    return line


def _first(name: str, user: Mapping[str, Layer], built_in: Mapping[str, Layer]) -> Layer:
    """Return the table that says what a profile extends: the user's, if there is one."""
    return user[name] if name in user else built_in[name]


def _apply(profile: ReadProfile, layer: Layer) -> None:
    """Apply a table that may take away as well as add."""
    for plugin in layer.table.get("plugins", ()):
        if plugin.startswith("no:"):
            if plugin[3:] not in (*profile.plugins, *profile.guards):
                profile.missed[plugin[3:]] = layer.where("plugins")
            profile.plugins.pop(plugin[3:], None)
            profile.origins.pop(plugin[3:], None)
            profile.guards = tuple(g for g in profile.guards if g != plugin[3:])
        else:
            profile.plugins.setdefault(plugin, None)
            profile.origins.setdefault(plugin, []).append(layer.where("plugins"))
    if "guards" in layer.table:
        profile.guards = tuple(layer.table["guards"])
        profile.guard_origins = dict.fromkeys(profile.guards, layer.where("guards"))
    for plugin, config in layer.table.get("config", {}).items():
        profile.plugins[plugin] = {**(profile.plugins.get(plugin) or {}), **config}
        profile.origins.setdefault(plugin, []).append(layer.where("config", plugin))


def _apply_more(profile: ReadProfile, layer: Layer) -> None:
    """Apply a table whose guards are added to those there are."""
    more = {g: layer.where("guards") for g in layer.table.get("guards", ()) if g not in profile.guards}
    guards, origins = profile.guards, {**more, **profile.guard_origins}
    table = {key: value for key, value in layer.table.items() if key != "guards"}
    _apply(profile, Layer(table, layer.keys, layer.document, layer.dist))
    profile.guards, profile.guard_origins = (*guards, *more), origins


def _refuse_loosening(profile: Profile, layer: Layer, granting: set[str], who: str) -> None:
    """Raise DataError where a table takes a guard away, or sets up one, or what grants rights."""
    kept = granting | set(profile.guards)
    if dropped := [p for p in layer.table.get("plugins", ()) if p.startswith("no:") and p[3:] in kept]:
        raise DataError(f"{who} can't disable guard {dropped[0][3:]!r}", where=layer.where("plugins"))
    if tuned := [p for p in layer.table.get("config", {}) if p in kept]:
        raise DataError(f"{who} can't change guard {tuned[0]!r}", where=layer.where("config", tuned[0]))
