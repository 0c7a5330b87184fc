"""Recipes: a terrarium as a file. `terrarium:` with creatures, their channels and wires, a root, limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kt import Creature
from kt.errors import ConfigError, DataError, nearest

from .adding import restart_of
from .channel import Channel
from .limits import GraphLimits
from .names import checked_name

if TYPE_CHECKING:
    from kt import Plugins

Keys = Sequence[str | int]
STRICT = {"extra": "forbid"}


@dataclass(slots=True, kw_only=True)
class Ears:
    """On which channels a creature listens, and on which it may send."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    listen: tuple[str, ...] = ()
    can_send: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Wiring:
    """Where a creature's answers go; `prompt` is what the target reads, with {source} and {content}."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    to: str
    with_content: bool = True
    prompt: str = ""


@dataclass(slots=True, kw_only=True)
class Pipe:
    """A channel: `type` is broadcast or queue, `capacity` how many messages may wait."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    description: str = ""
    type: str = "broadcast"
    capacity: int = 1000


@dataclass(slots=True, kw_only=True)
class Seat:
    """A creature's place: its name, channels and wires, whether it is privileged, where it works.

    `base` is the reference of the creature, of which the other keys of the entry change parts; `pwd` is a folder below
    the terrarium's; `node` is a hint for the lab.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    name: str
    base: str | None = None
    channels: Ears = field(default_factory=Ears)
    output_wiring: tuple[str | Wiring, ...] = ()
    privileged: bool = False
    restart: str | dict[str, Any] = "on-failure"
    pwd: str | None = None
    node: str | dict[str, Any] | None = None

    @property
    def wires(self) -> list[Wiring]:
        return [Wiring(to=w) if isinstance(w, str) else w for w in self.output_wiring]


@dataclass(slots=True, kw_only=True)
class Recipe:
    """A terrarium as values: seats with their creatures, in order; `root` names the one that users talk to."""

    name: str = "terrarium"
    description: str = ""
    root: str = ""
    promoted: bool = False
    seats: dict[str, tuple[Seat, Creature]] = field(default_factory=dict)
    channels: dict[str, Pipe] = field(default_factory=dict)
    limits: GraphLimits = field(default_factory=GraphLimits)
    environment: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None


@dataclass(slots=True)
class Section:
    """A part of a document, which knows where its keys stand."""

    data: dict[str, Any]
    path: Path
    where: Callable[[Keys], str]

    def part(self, *keys: str | int) -> "Section":
        """Return what stands under `keys`. Raises DataError where that is no table."""
        found: Any = self.data
        for key in keys:
            found = found[key]
        if not isinstance(found, dict):
            raise DataError("this must be a table", where=self.where(keys))
        return Section(found, self.path, lambda inner: self.where([*keys, *inner]))

    def into(self, cls: type, keys: Sequence[str]) -> Any:
        """Return an instance of a class from those of its keys that are there. Raises DataError with the place."""
        from pydantic import TypeAdapter, ValidationError

        data = {key: self.data[key] for key in keys if key in self.data}
        try:
            return TypeAdapter(cls).validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            inside = [k for k in first["loc"] if isinstance(k, int) or (k.isidentifier() and k not in ("str", "dict"))]
            at = self.where([k for k in inside if k not in ("Wiring", "Pipe", "Ears")])
            raise DataError(f"{'.'.join(map(str, inside))}: {first['msg']}", where=at) from None

    def only(self, known: Sequence[str]) -> None:
        """Raise DataError for a key that is none of these."""
        for key in self.data:
            if key not in known:
                raise DataError(f"unknown key {key!r}", where=self.where([key]), hint=nearest(str(key), known))


def names_of(cls: Any) -> list[str]:
    """Return the names of a class's fields."""
    return [f.name for f in fields(cls)]


TOP = ("name", "description", "root", "creatures", "channels", "limits", "environment")


def load(plugins: "Plugins", ref: str | Path | Mapping[str, Any]) -> Recipe:
    """Return the recipe of a reference, a path or a mapping. Raises NotFound, and DataError with file:line:col."""
    if isinstance(ref, Mapping):
        return of_section(plugins, Section({"terrarium": ref.get("terrarium", ref)}, Path.cwd() / "recipe", _dotted))
    registry = plugins.registry
    if (document := registry.find("config", "document")) is None:
        raise ConfigError("recipes are read by kt-config, which is not installed", hint="pip install kt-config")
    path = registry.get("config", "reference")(plugins, str(ref), kind="terrarium")
    found = document.load()(path, registry)
    if "terrarium" not in found.data:
        raise DataError("this is no recipe: it has no key 'terrarium'", where=str(path), hint="kt run runs a creature")
    return of_document(plugins, found)


def of_document(plugins: "Plugins", document: Any) -> Recipe:
    """Return the recipe of a configuration file."""
    whole = Section(document.data, document.path, document.where)
    whole.only(["terrarium"])
    return of_section(plugins, whole)


def _dotted(keys: Keys) -> str:
    return ".".join(map(str, keys))


def of_section(plugins: "Plugins", whole: Section) -> Recipe:
    """Return the recipe of what stands under `terrarium`."""
    top = whole.part("terrarium")
    top.only(TOP)
    stem = top.path.parent.name if top.path.stem in ("terrarium", "creature", "config") else top.path.stem
    recipe = Recipe(name=str(top.data.get("name") or stem), description=str(top.data.get("description") or ""))
    recipe.path = top.path
    recipe.environment = dict(top.data.get("environment") or {})
    if top.data.get("limits"):
        section = top.part("limits")
        section.only(names_of(GraphLimits))
        recipe.limits = section.into(GraphLimits, names_of(GraphLimits))
    for name, value in (top.data.get("channels") or {}).items():
        recipe.channels[str(name)] = _pipe(top, str(name), value)
    _seats(plugins, top, recipe)
    _check(top, recipe)
    return recipe


def _pipe(top: Section, name: str, value: Any) -> Pipe:
    """Return a channel of a recipe. Raises DataError with its place."""
    plain = {"description": value} if isinstance(value, str) else value or {}
    section = Section(plain, top.path, lambda keys: top.where(["channels", name, *keys]))
    section.only(names_of(Pipe))
    pipe: Pipe = section.into(Pipe, names_of(Pipe))
    try:
        checked_name(name, "channel")
        Channel(name, pipe.type, pipe.description, pipe.capacity)
    except ConfigError as error:
        raise DataError(error.what, where=section.where([])) from None
    return pipe


def _seats(plugins: "Plugins", top: Section, recipe: Recipe) -> None:
    entries = top.data.get("creatures") or []
    if not isinstance(entries, list):
        raise DataError("creatures is a list", where=top.where(["creatures"]))
    sections = [top.part("creatures", index) for index in range(len(entries))]
    root = top.data.get("root")
    if isinstance(root, dict):
        root.setdefault("name", "root")
        sections.insert(0, top.part("root"))
        root = root["name"]
    for section in sections:
        if "name" not in section.data:
            raise DataError("a creature of a recipe needs a name", where=section.where([]))
        seat: Seat = section.into(Seat, names_of(Seat))
        if seat.name in recipe.seats:
            raise DataError(f"two creatures are called {seat.name!r}", where=section.where(["name"]))
        _check_seat(section, seat)
        recipe.seats[seat.name] = seat, _creature(plugins, section, seat)
    if not recipe.seats:
        raise DataError("a terrarium needs creatures", where=top.where([]))
    recipe.promoted = bool(root)
    recipe.root = str(root or next(iter(recipe.seats)))


def _check_seat(section: Section, seat: Seat) -> None:
    try:
        checked_name(seat.name, "creature")
    except ConfigError as error:
        raise DataError(error.what, where=section.where(["name"]), hint=error.hint) from None
    try:
        restart_of(seat.restart)
    except DataError as error:
        raise DataError(error.what, where=section.where(["restart"]), hint=error.hint) from None


def _creature(plugins: "Plugins", section: Section, seat: Seat) -> Creature:
    """Return a seat's creature: its base, changed by the creature's keys of the entry as a creature's file would."""
    if (make := plugins.registry.find("config", "creature_of")) is None:
        raise ConfigError("recipes are read by kt-config, which is not installed", hint="pip install kt-config")
    own = {k: v for k, v in section.data.items() if k not in names_of(Seat)}
    entry = Section({**own, "name": seat.name, "base": seat.base}, section.path, section.where)
    creature: Creature = make.load()(plugins, entry)
    return creature


def _check(top: Section, recipe: Recipe) -> None:
    """Raise DataError for a name that nothing has."""
    if recipe.root not in recipe.seats:
        raise DataError(
            f"no creature {recipe.root!r}", where=top.where(["root"]), hint=nearest(recipe.root, recipe.seats)
        )
    if recipe.seats[recipe.root][0].pwd is not None:
        raise DataError(f"the root {recipe.root!r} works in the terrarium's own folder", where=top.where(["creatures"]))
    used = set()
    for index, entry in enumerate(top.data.get("creatures") or []):
        where: list[str | int] = ["creatures", index]
        seat = recipe.seats[entry["name"]][0]
        for name in (*seat.channels.listen, *seat.channels.can_send):
            used.add(name)
            if name not in recipe.channels:
                at = top.where([*where, "channels"])
                raise DataError(f"no channel {name!r}", where=at, hint=nearest(name, recipe.channels))
        for wire in seat.wires:
            if wire.to not in recipe.seats:
                at = top.where([*where, "output_wiring"])
                raise DataError(f"no creature {wire.to!r}", where=at, hint=nearest(wire.to, recipe.seats))
        if seat.pwd is not None and (Path(seat.pwd).is_absolute() or ".." in Path(seat.pwd).parts):
            raise DataError("pwd leads out of the terrarium's folder", where=top.where([*where, "pwd"]))
    for seat, _ in recipe.seats.values():
        used |= {*seat.channels.listen, *seat.channels.can_send}
    if idle := [name for name in recipe.channels if name not in used]:
        raise DataError(f"nobody is on the channel {idle[0]!r}", where=top.where(["channels", idle[0]]))


def root_creature(plugins: "Plugins", document: Any) -> Creature:
    """Return the creature that stands for a recipe: its root, whose start brings up the others."""
    recipe = of_document(plugins, document)
    _, creature = recipe.seats[recipe.root]
    settings = {**(creature.plugins.get("terrarium") or {}), "recipe": str(document.path)}
    return replace(creature, plugins={**creature.plugins, "terrarium": settings})
