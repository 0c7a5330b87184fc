"""`kt run --add` and `--channel`: more creatures beside the one that runs, and what they talk on."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from kt import Creature
from kt.errors import ConfigError, UsageError, nearest

from .recipe import Ears, Pipe, Recipe, Seat, load

if TYPE_CHECKING:
    from kt import Agent

TALK = "team"
"""The channel of a team that was given none."""


class RunSettings(Protocol):
    def configure(self, plugin: str, **settings: object) -> None: ...


@dataclass(slots=True)
class Added:
    """One more creature: its reference, and its name in the team, "" for its own."""

    base: str
    name: str = ""


@dataclass(slots=True)
class Line:
    """A channel between creatures by name; everybody sends and listens where both are empty."""

    senders: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()


@dataclass(slots=True)
class TeamConfig:
    """Settings of the plugin `terrarium`: the recipe whose root the agent is, or what comes beside the agent."""

    recipe: str = ""
    add: tuple[Added, ...] = ()
    channels: dict[str, Line] | None = None


def add(settings: RunSettings, value: str) -> None:
    """Take `--add REF[=NAME],...`. Raises UsageError."""
    added = []
    for word in value.split(","):
        ref, _, name = word.strip().partition("=")
        if not ref or name != name.strip() or (word.strip().endswith("=")):
            raise UsageError(f"--add: {word.strip()[:60]!r} names no creature", hint="--add @pack/creatures/name=NAME")
        added.append({"base": ref, "name": name})
    settings.configure("terrarium", add=added)


def channel(settings: RunSettings, value: str) -> None:
    """Take `--channel "NAME[:SENDER>LISTENER,...] ..."`. Raises UsageError."""
    channels: dict[str, Any] = {}
    for word in value.split():
        name, colon, rest = word.partition(":")
        pairs = [pair.split(">") for pair in rest.split(",")] if colon else []
        if not name or name in channels or not all(len(pair) == 2 and all(pair) for pair in pairs):
            raise UsageError(f"--channel: {word[:60]!r} is no channel", hint="--channel 'tasks:lead>coder,lead>tester'")
        senders, listeners = ([pair[side] for pair in pairs] for side in (0, 1))
        channels[name] = {"senders": list(dict.fromkeys(senders)), "listeners": list(dict.fromkeys(listeners))}
    if not channels:
        raise UsageError("--channel names no channel", hint="--channel talk")
    settings.configure("terrarium", channels=channels)


def team_of(agent: "Agent", config: TeamConfig) -> Recipe:
    """Return the recipe of a team whose root is the agent: that of a file, and what was added to it.

    Raises what loading a creature raises, ConfigError for a team of one, UsageError for a channel of nobody.
    """
    plugins = agent.host.plugins
    if config.recipe:
        recipe = load(plugins, config.recipe)
    else:
        seats = {agent.name: (Seat(name=agent.name), agent.creature)}
        recipe = Recipe(name=agent.name, root=agent.name, seats=seats)
    for each in config.add:
        creature: Creature = plugins.registry.get("loader", "creature")(plugins, each.base)
        if each.name in recipe.seats:
            raise UsageError(f"--add: there is a creature {each.name!r} already", hint="give it another name: REF=NAME")
        name = each.name or _free(creature.name, recipe)
        recipe.seats[name] = Seat(name=name), replace(creature, name=name)
    if len(recipe.seats) < 2 and not recipe.promoted:
        raise ConfigError("a team of one has nobody to talk with", hint="kt run --add REF")
    unheard = config.add and not recipe.promoted  # a root that was promoted has a channel to everybody
    for name, line in (config.channels or ({TALK: Line()} if unheard else {})).items():
        _join(recipe, name, line)
    return recipe


def _free(name: str, recipe: Recipe) -> str:
    free, number = name, 1
    while free in recipe.seats:
        number += 1
        free = f"{name}-{number}"
    return free


def _join(recipe: Recipe, name: str, line: Line) -> None:
    """Put creatures of a recipe on one of its channels, which is made where it is missing."""
    senders, listeners = line.senders or tuple(recipe.seats), line.listeners or tuple(recipe.seats)
    for who in (*senders, *listeners):
        if who not in recipe.seats:
            raise UsageError(f"--channel {name}: no creature {who!r}", hint=nearest(who, recipe.seats))
    recipe.channels.setdefault(name, Pipe())
    for who, (seat, creature) in recipe.seats.items():
        send = (*seat.channels.can_send, *((name,) if who in senders else ()))
        hear = (*seat.channels.listen, *((name,) if who in listeners else ()))
        ears = Ears(listen=tuple(dict.fromkeys(hear)), can_send=tuple(dict.fromkeys(send)))
        recipe.seats[who] = replace(seat, channels=ears), creature
