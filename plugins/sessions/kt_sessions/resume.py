"""`Agent.resume`: build the agent of a session again, and start it where it was."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Agent, Creature, Limits
from kt.errors import ConfigError, NotFound, nearest

from .names import located
from .reader import SessionReader

if TYPE_CHECKING:
    from kt import Host, Plugins

LOOSENING = ("unguarded", "sandbox", "allow_net")
"""Options that a session does not bring back: who resumes grants them anew."""


async def resume(installed: "Plugins", session: str | Path, /, *, host: "Host | None" = None, **options: Any) -> Agent:
    """Return the started agent of a session; `options` of `Agent.build` come over those it was made with.

    `agent=` names one of several (None: the first). Raises NotFound, ConfigError where something was given as an
    object and is not given again, and what the file and `Agent.build` raise.
    """
    path, creature, given = recorded(installed, session, options)
    agent: Agent = await Agent.build(creature, host=host, session=str(path), **given)
    await agent.start()
    return agent


def recorded(
    plugins: "Plugins", session: str | Path, options: Mapping[str, Any]
) -> tuple[Path, Creature | Mapping[str, Any], dict[str, Any]]:
    """Return (path, creature, options) of an agent that a session keeps, `options` over what it was made with.

    `agent` among them names one of several (None: the first). `plugins` are added to those it had; everything else
    takes the place of what was recorded, but the creature has the agent's name, by which the file knows it.
    """
    path, options = located(plugins, session), dict(options)
    with SessionReader(path) as reader:
        name, made = _made(reader, options.pop("agent", None))
    creature = _named(plugins, options.pop("creature", None) or _creature(made), name)
    more = options.pop("plugins", ())
    given: dict[str, Any] = {**_kept(made, plugins), "pwd": made["pwd"], **options}
    given["plugins"] = [*given["plugins"], *more]
    _nothing_missing(made, {**options, "plugins": more} if more else options, path)
    if not Path(given["pwd"]).is_dir():
        raise NotFound(f"the session's working folder {given['pwd']!r} is gone", hint="give another: --cwd, or pwd=")
    return path, creature, given


def _made(reader: SessionReader, agent: str | None) -> tuple[str, dict[str, Any]]:
    """Return an agent's name, and what it was built of. Raises NotFound."""
    agents = reader.agents
    found = [info for info in agents if agent in (None, info.name)]
    made = reader.made(found[0].id) if found else {}
    if made:
        return found[0].name, made
    if agents and agent is not None:
        hint = nearest(agent, [info.name for info in agents])
        raise NotFound(f"the session has no agent {agent!r}", where=str(reader.path), hint=hint)
    raise NotFound("the session holds no agent", where=str(reader.path), hint="it ended before its agent had started")


def _named(
    plugins: "Plugins", creature: Creature | str | Path | Mapping[str, Any], name: str
) -> Creature | Mapping[str, Any]:
    if isinstance(creature, Mapping):
        return {**creature, "name": name}
    loaded: Creature = (
        creature if isinstance(creature, Creature) else plugins.registry.get("loader", "creature")(plugins, creature)
    )
    return replace(loaded, name=name)


def options_of(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded options as `Agent.build` takes them."""
    options = dict(made["options"])
    if isinstance(options.get("limits"), Mapping):
        options["limits"] = Limits(**options["limits"])
    return options


def _creature(made: Mapping[str, Any]) -> Creature:
    data = dict(made["creature"])
    path = data.pop("path", None)
    return Creature.from_dict(data, path=None if path is None else Path(path))


def _kept(made: Mapping[str, Any], plugins: "Plugins") -> dict[str, Any]:
    """Return the recorded options, without those that loosen what guards the agent."""
    kept = {k: v for k, v in options_of(made).items() if k not in LOOSENING}
    kept["plugins"] = [p for each in kept.get("plugins", ()) if (p := _without_guards(each, plugins)) is not None]
    return kept


def _without_guards(given: object, plugins: "Plugins") -> object:
    """Return an entry of `plugins=` without "no:name", and without settings of guards and of what grants rights."""
    if isinstance(given, str):
        return None if given.startswith("no:") else given
    if not isinstance(given, Mapping):
        return None
    guards = _guards(plugins)
    return {name: settings for name, settings in given.items() if name not in guards} or None


def _guards(plugins: "Plugins") -> set[str]:
    profiles = [entry.load() for entry in plugins.registry.entries("profile")]
    granting = {entry.name for entry in plugins.registry.entries("plugin") if entry.data.get("grants")}
    return {"permissions", "sandbox", *granting, *(name for p in profiles for name in p.get("guards", ()))}


def _nothing_missing(made: Mapping[str, Any], options: Mapping[str, Any], path: Path) -> None:
    missing: Sequence[str] = [
        o for o in made.get("objects", ()) if o.partition(":")[0].partition(".")[0] not in options
    ]
    if missing:
        names = sorted({o.partition(":")[0].partition(".")[0] for o in missing})
        raise ConfigError(
            f"the session's agent was given objects, which no file can keep ({'; '.join(missing)})",
            where=str(path),
            hint=f"give them again: Agent.resume(..., {', '.join(f'{n}=...' for n in names)})",
        )
