"""The creature: an agent as values, validated from a dict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from ._codec import adapter
from ._messages import Json
from ._turn import Limits
from .errors import DataError, nearest

Where: TypeAlias = Callable[[Sequence[str | int]], str]
"""Maps a path of keys and indexes to where it stands: "file:line:col", or the dotted path of a dict."""


@dataclass(slots=True, kw_only=True)
class Variant:
    """What replaces parts of a creature for a kind of model, e.g. `compact` for a small local one."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    prompt: str | None = None
    tools: tuple[str, ...] | None = None
    plugins: dict[str, dict[str, Any] | None] | None = None
    subagents: tuple[str | dict[str, Any], ...] | None = None


@dataclass(slots=True, kw_only=True)
class Creature:
    """Hold what a configuration says about an agent.

    `tools` are registered names, "module:attribute", or "./file.py:attribute" beside the creature's file. `plugins`
    maps names to settings; `guards` names those that must stand around its tools. `llm` is a preset,
    "provider/model", or a table. `path` is the file it came from; `places` says of "plugin budget", "tool read" and the
    like where that is named, as "file:line:col".
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    name: str = "creature"
    description: str = ""
    llm: str | dict[str, Any] | None = None
    prompt: str = ""
    prompt_file: str | None = None
    tools: tuple[str, ...] = ()
    plugins: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    guards: tuple[str, ...] = ()
    limits: Limits = Limits()
    variants: dict[str, Variant] = field(default_factory=dict)
    subagents: tuple[str | dict[str, Any], ...] = ()
    triggers: tuple[str | dict[str, Any], ...] = ()
    input: str | dict[str, Any] | tuple[str | dict[str, Any], ...] | None = None
    outputs: tuple[str | dict[str, Any], ...] = ()
    path: Path | None = None
    places: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Json], *, where: Where | None = None, path: Path | None = None) -> "Creature":
        """Return the creature that `data` describes. Raises DataError with the place and the nearest key."""
        from pydantic import ValidationError

        for key in {"path", "places"} & data.keys():
            raise DataError(f"unknown key {key!r}", where=(where or _dotted)([key]))
        plain = {**data, "path": path}
        if isinstance(plain.get("plugins"), list):
            plain["plugins"] = _named(plain["plugins"])
        try:
            creature: Creature = adapter(Creature).validate_python(plain)
        except ValidationError as error:
            raise _explained(error.errors()[0], where or _dotted) from None
        return creature

    def variant(self, name: str | None) -> "Creature":
        """Return the creature as the named variant has it; itself where it has no such variant."""
        chosen = self.variants.get(name) if name else None
        if chosen is None:
            return self
        changes = {f.name: value for f in fields(chosen) if (value := getattr(chosen, f.name)) is not None}
        return replace(self, **{**changes, "plugins": {**self.plugins, **(chosen.plugins or {})}})


def _dotted(keys: Sequence[str | int]) -> str:
    return ".".join(map(str, keys))


def _named(items: list[Any]) -> dict[str, Any]:
    """Take a list of names, or of {name: settings}, as the table name -> settings."""
    out: dict[str, Any] = {}
    for item in items:
        out.update(item if isinstance(item, dict) else {item: None})
    return out


def _explained(error: Any, where: Where) -> DataError:
    known = {f.name for c in (Creature, Variant, Limits) for f in fields(c)} - {"path"}
    keys = [k for k in error["loc"] if isinstance(k, int) or (k.isidentifier() and k not in ("str", "dict"))]
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        key = error["loc"][-1]
        keys = [*(k for k in keys if k != key), key]
        return DataError(f"unknown key {key!r}", where=where(keys), hint=nearest(str(key), known))
    return DataError(f"{'.'.join(map(str, keys))}: {error['msg']}", where=where(keys))
