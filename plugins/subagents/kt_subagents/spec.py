"""What a sub-agent is, and how a creature, a caller or a pack says it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Creature
from kt.errors import ConfigError, DataError, NotFound, UnknownName, nearest

if TYPE_CHECKING:
    from kt import Plan, Plugins

OF_CREATURE = (
    *("name", "description", "prompt", "tools", "plugins", "guards", "llm", "limits", "subagents", "variants"),
)
KEYS = ("base", *OF_CREATURE, "wait", "share", "timeout")


@dataclass(slots=True)
class SubagentSpec:
    """Say what a sub-agent is made of and how it runs.

    `wait` lets the caller wait for it unless the model says otherwise. `share` is the part, above 0 and up to 1, of
    what its parent has left to spend that it may spend; `timeout` bounds each piece of work, in seconds.
    """

    name: str
    creature: Creature
    wait: bool = False
    share: float = 0.5
    timeout: float | None = None

    @property
    def description(self) -> str:
        return self.creature.description


def specs_of(plan: "Plan", entries: Iterable[object]) -> dict[str, SubagentSpec]:
    """Return the sub-agents that entries name or describe, by name.

    An entry is the name of a registered one, a creature's reference, a table, a kt.Creature or a SubagentSpec. Raises
    UnknownName, DataError, and ConfigError for a name used twice.
    """
    specs: dict[str, SubagentSpec] = {}
    for spec in _specs(plan.host.plugins, plan.creature, entries):
        if spec.name in specs:
            raise ConfigError(
                f"two sub-agents are named {spec.name!r}", where=plan.creature.name, hint="give one another name:"
            )
        specs[spec.name] = spec
    return specs


def creatures_of(plugins: "Plugins", creature: Creature) -> list[Creature]:
    """Return what the sub-agents of a creature are made of, in all its variants, and theirs.

    Raises UnknownName and DataError.
    """
    found: list[Creature] = []
    left = [creature]
    while left:
        above = left.pop()
        entries = [*above.subagents, *(each for v in above.variants.values() for each in v.subagents or ())]
        new = [spec.creature for spec in _specs(plugins, above, entries)]
        new = [each for each in new if each not in found]
        found += new
        left += new
    return found


def _specs(plugins: "Plugins", creature: Creature, entries: Iterable[object]) -> Iterator[SubagentSpec]:
    for number, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, Mapping) else entry
        place = f"{creature.path or creature.name}: subagents.{number}"
        yield _spec(plugins, creature, entry, creature.places.get(f"subagent {name}", place))


def _spec(plugins: "Plugins", owner: Creature, entry: object, where: str) -> SubagentSpec:
    if isinstance(entry, SubagentSpec):
        return entry
    if isinstance(entry, Creature):
        return SubagentSpec(entry.name, entry)
    if isinstance(entry, str | Path):
        return _named(plugins, owner, str(entry), where, ())
    if isinstance(entry, Mapping):
        return _from_table(plugins, owner, entry, where, owner.path, ())
    raise ConfigError(f"{entry!r} is no sub-agent", where=where, hint="give a name, a reference or a table")


def _named(plugins: "Plugins", owner: Creature, ref: str, where: str, seen: tuple[str, ...]) -> SubagentSpec:
    """Return the registered sub-agent of a name, or that of a creature's reference."""
    registry = plugins.registry
    if (entry := registry.find("subagent", ref)) is not None:
        if ref in seen:
            raise ConfigError(f"sub-agents are made of each other: {' -> '.join((*seen, ref))}", where=entry.dist)
        target = entry.load()
        table = target() if callable(target) else target
        if not isinstance(table, Mapping):
            raise DataError(f"the sub-agent {ref!r} is no table", where=entry.dist, hint="see docs/subagents.md")
        told, at = {"name": ref, **table}, f"subagent {ref!r} of {entry.dist}"
        return _from_table(plugins, owner, told, at, None, (*seen, ref))
    folder = owner.path.parent if owner.path is not None else Path()
    at = str(folder / ref) if ref.startswith(".") else ref
    try:
        creature: Creature = registry.get("loader", "creature", where=where)(plugins, at)
    except NotFound as error:
        known = [*registry.names("subagent"), *registry.names("creature")]
        raise UnknownName(f"no sub-agent and no creature {ref!r}", where=where, hint=nearest(ref, known)) from error
    return SubagentSpec(creature.name, creature)


def _from_table(
    plugins: "Plugins",
    owner: Creature,
    table: Mapping[str, Any],
    where: str,
    path: Path | None,
    seen: tuple[str, ...],
) -> SubagentSpec:
    """Return what a table says, over its `base`."""
    if unknown := [key for key in table if key not in KEYS]:
        raise DataError(f"unknown key {unknown[0]!r}", where=where, hint=nearest(unknown[0], KEYS))
    spec = SubagentSpec("", Creature(path=path))
    if table.get("base"):
        spec = _named(plugins, owner, str(table["base"]), where, seen)
    said = {key: value for key, value in table.items() if key in OF_CREATURE}

    def place(keys: Sequence[str | int]) -> str:
        return f"{where}.{'.'.join(map(str, keys))}"

    made = Creature.from_dict({"name": spec.name, **said}, where=place)
    if not made.name:
        raise DataError("a sub-agent without a name", where=where, hint="say name:")
    creature = replace(spec.creature, **{key: getattr(made, key) for key in said})
    own = {key: _checked(key, table[key], where) for key in ("wait", "share", "timeout") if key in table}
    return replace(spec, name=made.name, creature=creature, **own)


def _checked(key: str, value: object, where: str) -> Any:
    """Return a value of a table. Raises DataError for one that does not fit."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if key == "wait" and isinstance(value, bool):
        return value
    if key == "share" and number is not None and 0 < number <= 1:
        return float(number)
    if key == "timeout" and (value is None or (number is not None and number > 0)):
        return number
    wanted = {"wait": "true or false", "share": "a number above 0 and up to 1", "timeout": "seconds, above 0"}
    raise DataError(f"{key}: {value!r} is not {wanted[key]}", where=where)
