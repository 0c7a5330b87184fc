"""The JSON Schema of a recipe, made of the classes that read it."""

from typing import Any

from kt import Plugins
from pydantic import TypeAdapter

from .channel import TYPES
from .limits import GraphLimits
from .recipe import Pipe, Seat
from .supervision import POLICIES, Restart

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLACES: dict[str, Any] = {"Seat": Seat, "Pipe": Pipe, "GraphLimits": GraphLimits, "Restart": Restart}


def schema() -> dict[str, Any]:
    """Return the schema of a recipe file; editors check and complete YAML with it.

    Raises UnknownName where kt-config, which reads the creatures of a recipe, is not installed.
    """
    creature = Plugins().registry.get("schema", "creature")()
    adapters = [(name, "validation", TypeAdapter(cls)) for name, cls in PLACES.items()]
    _, made = TypeAdapter.json_schemas(adapters, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    defs: dict[str, Any] = made["$defs"]
    _restrict(defs)
    defs["Place"] = _place(defs.pop("Seat"), creature)
    defs |= creature["$defs"]
    root = {**defs["Place"], "required": []}
    top = {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "root": {"anyOf": [{"type": "string"}, root]},
        "creatures": {"type": "array", "items": {"$ref": "#/$defs/Place"}},
        "channels": _table({"anyOf": [{"$ref": "#/$defs/Pipe"}, {"type": ["string", "null"]}]}),
        "limits": {"$ref": "#/$defs/GraphLimits"},
        "environment": {"type": "object"},
    }
    return {
        "$schema": DIALECT,
        "title": "A terrarium: creatures, and what connects them",
        "type": "object",
        "required": ["terrarium"],
        "additionalProperties": False,
        "properties": {"terrarium": {"type": "object", "additionalProperties": False, "properties": top}},
        "$defs": defs,
    }


def _table(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": values}


def _restrict(defs: dict[str, Any]) -> None:
    """Say what the classes check in code: the words that may stand there, and that no other key may."""
    defs["Pipe"]["properties"]["type"]["enum"] = list(TYPES)
    defs["Pipe"]["properties"]["capacity"]["minimum"] = 1
    restart = defs["Restart"]["properties"]
    del restart["crashes"]
    restart["policy"]["enum"] = list(POLICIES)
    for name in ("Restart", "GraphLimits"):
        defs[name]["additionalProperties"] = False
    # What a class says of itself is for who reads the code.
    for each in defs.values():
        each.pop("description", None)


def _place(seat: dict[str, Any], creature: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an entry of `creatures`: its place, and the creature's own keys."""
    restart = {"anyOf": [{"enum": list(POLICIES)}, {"$ref": "#/$defs/Restart"}]}
    properties = {**creature["properties"], **seat["properties"], "restart": restart}
    return {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": False}
