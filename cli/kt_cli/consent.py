"""Before anything of a run is built, whoever wants a say in it is asked: the registry's kind `consent`."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Creature

if TYPE_CHECKING:
    from kt import Entry, Plugins

    from .settings import RunSettings


def consented(plugins: "Plugins", creature: Creature, files: Iterable[Path], named: Iterable[tuple[str, str]]) -> None:
    """Return if the run may be built. Raises what refuses it.

    One that was taken over by another distribution is asked as well.
    """
    files, named = list(files), list(named)
    for entry in plugins.registry.entries("consent"):
        asked: Entry | None = entry
        while asked is not None:
            asked.load()(plugins, creature, files, named)
            asked = asked.below


def named(settings: "RunSettings", creature: Creature, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of what a run uses beside what its creature names: plugins, and its provider."""
    registry = settings.registry
    if isinstance(profile := options.get("profile"), str):
        loaded = registry.get("loader", "profile")(registry, profile, settings.cwd.resolve(), creature.name)
        yield from (("plugin", name) for name in (*loaded.plugins, *loaded.guards))
    for use in options.get("plugins", ()):
        names = [use] if isinstance(use, str) else use if isinstance(use, Mapping) else ()
        yield from (("plugin", name) for name in names)
    if isinstance(llm := options.get("llm"), str):
        preset: Mapping[str, Any] = registry.get("loader", "presets")().get(llm) or {}
        yield "provider", str(preset.get("provider") or preset.get("model") or llm).partition("/")[0]
