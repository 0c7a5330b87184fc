"""Profiles: what acts in an agent, from the built-in set, the user's file and a trusted project's."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Profile
from kt.errors import DataError, UnknownName, nearest

from .documents import Document
from .settings import Settings

if TYPE_CHECKING:
    from kt import Registry


def load(registry: "Registry", name: str, pwd: Path) -> Profile:
    """Return the profile of a name: built-in (kind `profile`), then the user's, then a trusted project's.

    A project may add plugins and guards; "no:name" and `guards` that leave one out are the user's alone. A profile
    that only the project has starts from "default", or the one it extends, so that it can't do without their guards.
    Raises UnknownName with the nearest names, and DataError with file:line:col.
    """
    settings = Settings(pwd)
    built_in = {entry.name: entry.load() for entry in registry.entries("profile")}
    user, project = _tables(settings.user), _tables(settings.project)
    if name not in built_in and name not in user and name not in project:
        raise UnknownName(f"no profile {name!r}", hint=nearest(name, [*built_in, *user, *project]))
    profile = Profile(name)
    start = name if name in user or name in built_in else project[name].get("extends", "default")
    if start not in user and start not in built_in and settings.project is not None:
        raise DataError(f"no profile {start!r} to extend", where=settings.project.where(["profile", name, "extends"]))
    for base in _lineage(start, user, settings.user, built_in):
        if base in built_in:
            _apply(profile, built_in[base])
        if base in user:
            _apply(profile, user[base])
    if name in project and settings.project is not None:
        _apply_project(profile, project[name], settings.project)
    return profile


def names(registry: "Registry", pwd: Path) -> list[str]:
    """Return the names of all profiles."""
    settings = Settings(pwd)
    return sorted({*registry.names("profile"), *_tables(settings.user), *_tables(settings.project)})


def _tables(document: Document | None) -> Mapping[str, Mapping[str, Any]]:
    return document.data.get("profile", {}) if document is not None else {}


def _lineage(
    name: str, user: Mapping[str, Mapping[str, Any]], document: Document | None, built_in: Mapping[str, Any]
) -> list[str]:
    """Return the profile's ancestors, oldest first, then itself. Raises DataError for a circle or an unknown one."""
    line = [name]
    while (parent := user.get(line[0], built_in.get(line[0], {})).get("extends")) is not None:
        if parent in line or (parent not in user and parent not in built_in):
            where = document.where(["profile", line[0], "extends"]) if document else ""
            why = f"circle: {' -> '.join([parent, *line])}" if parent in line else f"no profile {parent!r}"
            raise DataError(f"profile {line[0]!r} extends itself ({why})" if parent in line else why, where=where)
        line.insert(0, parent)
    return line


def _apply(profile: Profile, table: Mapping[str, Any]) -> None:
    for plugin in table.get("plugins", ()):
        if plugin.startswith("no:"):
            profile.plugins.pop(plugin[3:], None)
            profile.guards = tuple(g for g in profile.guards if g != plugin[3:])
        else:
            profile.plugins.setdefault(plugin, None)
    if "guards" in table:
        profile.guards = tuple(table["guards"])
    for plugin, config in table.get("config", {}).items():
        profile.plugins[plugin] = {**(profile.plugins.get(plugin) or {}), **config}


def _apply_project(profile: Profile, table: Mapping[str, Any], document: Document) -> None:
    """Apply what a project may say: more plugins, more guards, settings of plugins that are no guards."""
    at = ["profile", profile.name]
    if dropped := [p for p in table.get("plugins", ()) if p.startswith("no:")]:
        raise DataError(f"a project can't disable a plugin ({dropped[0]})", where=document.where([*at, "plugins"]))
    if tuned := [p for p in table.get("config", {}) if p in profile.guards]:
        raise DataError(f"a project can't change guard {tuned[0]!r}", where=document.where([*at, "config", tuned[0]]))
    guards = (*profile.guards, *(g for g in table.get("guards", ()) if g not in profile.guards))
    _apply(profile, {k: v for k, v in table.items() if k != "guards"})
    profile.guards = guards
