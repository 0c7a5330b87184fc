"""Which plugins a run leaves out, because they are in quarantine, and what it says of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from kt import Creature
from kt.errors import NotFound

from .settings import RunSettings


def left_out(settings: RunSettings, creature: Creature, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the plugins in quarantine by name, and of each that would have acted the line that says so.

    A guard is never left out, nor what the command line names.
    """
    entry = settings.registry.find("loader", "quarantined")
    culprits = [] if entry is None else entry.load()(settings.registry)
    if not culprits:
        return {}
    acting, guards = _enabled(settings, creature, options)
    kept = guards | set(_named(settings.uses))
    return {c.plugin: _line(c) if c.plugin in acting else "" for c in culprits if c.plugin not in kept}


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
    load = settings.registry.get("loader", "profile")
    for creature in (root, *_members(settings, root)):
        profile = load(settings.registry, options["profile"], settings.cwd.resolve(), creature.name)
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
