"""The JSON Schema of a creature file, made of the classes that a file is read into; editors check with it."""

from typing import Any

from kt import Creature

from .inheritance import INHERITED, KEYS, MODES
from .needs import WHAT

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TOLD = {
    "name": "what it is called; else its folder's or file's name",
    "description": "one line, for lists",
    "llm": "a model preset, provider/model, or a table; else the user's default",
    "prompt": "the system prompt, after that of the base; {{variable}} and {{include FILE}} are filled in",
    "prompt_file": "a file with the prompt, beside this one",
    "tools": 'registered names, module:attribute, or ./file.py:attribute beside this file; "no:NAME" leaves one out',
    "plugins": "plugins by name, a list or a table of their settings",
    "guards": "plugins that must stand around the tools; a creature can only add some",
    "limits": "bounds of a turn",
    "variants": "changes for a kind of model, by its name",
    "subagents": "agents it can hand work to: names, references or tables",
    "triggers": "what starts turns by itself: names, or tables with a name and settings",
    "input": "where turns come from: a name, a table with a name and settings, or a list of them",
    "outputs": "where answers go: names, or tables with a name and settings",
    "base": "the creature whose keys these come over: @pack/creatures/name, or a path from this file's folder",
    "no_inherit": "keys of which the base's part is left out",
    "prompt_mode": "append to the base's prompt, or replace it",
    "variables": "values for {{variable}} in prompts",
    "needs": "what it may reach",
}
INTERPOLATED = {"type": "string", "pattern": r"\$\{"}


def creature() -> dict[str, Any]:
    """Return the JSON Schema of a creature file, draft 2020-12."""
    from pydantic import TypeAdapter

    made = _bare(TypeAdapter(Creature).json_schema(ref_template="#/$defs/{model}"))
    defs, properties = made["$defs"], {**made["properties"], **_added()}
    properties["plugins"]["type"] = ["object", "array"]
    properties["plugins"]["items"] = {"type": ["string", "object"]}
    properties["variants"]["additionalProperties"] = _or_null(properties["variants"]["additionalProperties"])
    for each in defs.values():
        each.pop("description")  # what a class says of itself is for who reads the code
        each["additionalProperties"] = False
    for bound in defs["Limits"]["properties"].values():
        bound["anyOf"].append(INTERPOLATED)
    return {
        "$schema": DIALECT,
        "title": "A creature: an agent as a file",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key: {"description": TOLD[key], **(properties[key] if key == "guards" else _or_null(properties[key]))}
            for key in KEYS
        },
        "$defs": defs,
    }


def _added() -> dict[str, Any]:
    """Return the keys of files that the creature itself has not."""
    texts = {"type": ["array", "null"], "items": {"type": "string"}}
    needs = {name: {"description": told, **texts} for name, told in WHAT.items()}
    return {
        "base": {"type": "string"},
        "no_inherit": {"type": "array", "items": {"enum": list(INHERITED)}},
        "prompt_mode": {"enum": list(MODES)},
        "variables": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
        "needs": {"type": "object", "properties": needs, "additionalProperties": False},
    }


def _bare(schema: Any) -> Any:
    """Return a schema without the titles and defaults that pydantic gives."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _bare(value) for key, value in schema.items() if key not in ("title", "default")}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that takes null too: it takes away what the base has."""
    options = schema.get("anyOf", [schema])
    return {"anyOf": options if {"type": "null"} in options else [*options, {"type": "null"}]}
