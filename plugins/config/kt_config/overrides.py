"""Keys of a creature from outside its file: `kt run --set KEY=VALUE` and KT_SET, each like a child that says them."""

import json
import math
import os
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import DataError, UsageError, nearest

from .documents import Keys
from .inheritance import layer_of
from .tree import Node

if TYPE_CHECKING:
    from kt import Registry

VARIABLE = "KT_SET"
OPTION = "--set"
HINT = "KEY=VALUE, as in limits.max_turns=5"


@dataclass(slots=True)
class Override:
    """What an option or a variable, `name`, says of a creature; its files stand in the working folder."""

    data: dict[str, Any]
    name: str
    path: Path

    def where(self, keys: Keys) -> str:
        """Return the option or variable and the key, as "--set limits.max_turns"."""
        return f"{self.name} {'.'.join(map(str, keys))}".rstrip()


def option(settings: Any, values: list[str]) -> None:
    """Keep what `--set` says until the creature is loaded."""
    settings.overrides = values


def overrides_of(registry: "Registry", values: Sequence[str] = ()) -> list[Override]:
    """Return what KT_SET says and, over it, the KEY=VALUE of `--set`; [] where nothing is said.

    Raises UsageError for what is no KEY=VALUE, and DataError for a key or a plugin's setting that nothing knows.
    """
    said = {VARIABLE: [line for line in os.environ.get(VARIABLE, "").splitlines() if line.strip()], OPTION: values}
    found = [Override(_table(lines, name), name, Path.cwd() / name) for name, lines in said.items() if lines]
    for each in found:
        if "base" in each.data:
            raise DataError("a creature's base can't be changed from outside", where=each.where(["base"]))
        _check_plugins(registry, layer_of(each))
    return found


def _table(lines: Iterable[str], name: str) -> dict[str, Any]:
    """Return the lines as one table."""
    table: dict[str, Any] = {}
    for line in lines:
        key, equals, text = line.partition("=")
        words = [word.strip() for word in key.split(".")]
        if not equals or not all(words):
            raise UsageError(f"{line[:60]!r} is no KEY=VALUE", where=name, hint=HINT)
        here = table
        for word in words[:-1]:
            here = here.setdefault(word, {})
            if not isinstance(here, dict):
                raise UsageError(f"{key.strip()!r} is below a value that is no table", where=name, hint=HINT)
        here[words[-1]] = value_of(text.strip())
    return table


def value_of(text: str) -> Any:
    """Return the value that a text is in JSON or else in TOML; the text itself where it is neither. `null` is None."""
    try:
        return json.loads(text, parse_constant=lambda word: word)
    except (ValueError, RecursionError):
        pass
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = table.get("value")
    plain = isinstance(value, bool | int | list | dict | str) or (isinstance(value, float) and math.isfinite(value))
    return value if plain and len(table) == 1 else text


def _check_plugins(registry: "Registry", layer: Node) -> None:
    """Raise DataError for a plugin, or a setting of one, that is not there."""
    plugins = layer.below("plugins")
    for name, settings in (plugins.table() if plugins is not None else {}).items():
        if name.startswith("no:"):
            continue
        if (entry := registry.find("plugin", name)) is None:
            raise DataError(f"no plugin {name!r}", where=settings.where(), hint=nearest(name, registry.names("plugin")))
        config = getattr(entry.load(), "Config", None)
        fields = getattr(config, "model_fields", None) or getattr(config, "__dataclass_fields__", {})
        known = [field for field in fields if not field.startswith("_")]
        for key, node in settings.table().items():
            if key not in known:
                what = f"plugin {name!r} has no setting {key!r}"
                raise DataError(what, where=node.where(), hint=nearest(key, known))
