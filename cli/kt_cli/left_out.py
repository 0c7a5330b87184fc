"""Which plugins a run leaves out, and what it says of them: those in quarantine, and "no:NAME" of what is not there."""

from collections.abc import Iterator, Mapping
from typing import Any

from kt import Creature
from kt.errors import NotFound, UnknownName, nearest

from .settings import RunSettings


def left_out(settings: RunSettings, creature: Creature, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the plugins in quarantine by name, and of each that would have acted the line that says so.

    A guard is never left out, nor what the command line names. What a profile disables in vain is told as well; for
    a name on the command line that nothing knows it raises UnknownName.
    """
    _check_disabled(settings, creature, options)
    told = _in_vain(settings, creature, options)
    entry = settings.registry.find("loader", "quarantined")
    culprits = [] if entry is None else entry.load()(settings.registry)
    if not culprits:
        return told
    acting, guards = _enabled(settings, creature, options)
    kept = guards | set(_named(settings.uses))
    return {**told, **{c.plugin: _line(c) if c.plugin in acting else "" for c in culprits if c.plugin not in kept}}


def _check_disabled(settings: RunSettings, creature: Creature, options: Mapping[str, Any]) -> None:
    """Raise UnknownName for a "no:NAME" of the command line or KT_PLUGINS that nothing has and nothing enables.

    Where a plugin does not load, what it would have registered is not known.
    """
    known = settings.registry.names("plugin")
    unknown = [n[3:] for n in _named(settings.uses) if n.startswith("no:") and n[3:] not in known]
    if not unknown or settings.plugins.failed:
        return
    acting, guards = _enabled(settings, creature, options)
    for name in unknown:
        if name not in acting | guards:
            raise UnknownName(f"no plugin named {name!r} to disable", where=f"no:{name}", hint=nearest(name, known))


def _in_vain(settings: RunSettings, creature: Creature, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the plugins that the profile disables though neither it nor anything installed has them, with a line."""
    if settings.plugins.failed:
        return {}
    known = settings.registry.names("plugin")
    missed = getattr(_profile(settings, creature, options), "missed", {})
    missed = {name: where for name, where in missed.items() if name not in known}
    return {n: f"kt: no plugin is called {n!r}, which {w} disables ({nearest(n, known)})" for n, w in missed.items()}


def _profile(settings: RunSettings, creature: Creature, options: Mapping[str, Any]) -> Any:
    load = settings.registry.get("loader", "profile")
    return load(settings.registry, options["profile"], settings.cwd.resolve(), creature.name)


def _line(culprit: Any) -> str:
    whose = f"plugin {culprit.plugin!r} of {culprit.distribution} {culprit.version}"
    why = f"it failed in {culprit.failures} runs in a row, last with {culprit.error}"
    return f"kt: {whose} is left out: {why} (kt plugins release {culprit.plugin})"


def _enabled(settings: RunSettings, root: Creature, options: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the names of the plugins and of the guards that profile and creatures enable.

    Those of a team count as well, and the guards of all their sub-agents.
    """
    acting = set(_named(options.get("plugins", ())))
    guards = {guard for guard in options.get("guards", ()) if isinstance(guard, str)}
    for creature in (root, *_members(settings, root)):
        profile = _profile(settings, creature, options)
        variants = (variant.plugins or {} for variant in creature.variants.values())
        acting |= {*profile.plugins, *creature.plugins, *(name for table in variants for name in table)}
        guards |= {*profile.guards, *creature.guards}
        guards |= {guard for below in _subagents(settings, creature) for guard in below.guards}
    return acting, guards


def _members(settings: RunSettings, creature: Creature) -> list[Creature]:
    entry = settings.registry.find("loader", "team")
    if entry is None or creature.path is None:
        return []
    try:
        return list(entry.load()(settings.plugins, str(creature.path)).values())
    except NotFound:
        return []  # a session goes on without the file that its creature came from


def _subagents(settings: RunSettings, creature: Creature) -> list[Creature]:
    entry = settings.registry.find("loader", "subagents")
    return [] if entry is None else list(entry.load()(settings.plugins, creature))


def _named(uses: Any) -> Iterator[str]:
    """Yield the names that entries of `plugins=` enable."""
    for use in uses:
        yield from use if isinstance(use, Mapping) else [use] if isinstance(use, str) else []
