"""The JSON Schema of a kt-pack.toml."""

from dataclasses import fields
from typing import Any

from .manifest import LISTS, REQUIRED, TEXTS
from .needs import ANY, WORDS, Needs

ABOUT = {
    "name": "the distribution's name",
    "version": "the distribution's version",
    "description": "one line, for lists and searches",
    "kt": "the range of kt-core it works with, as in >=0.1,<1",
    "license": "an SPDX expression",
    "homepage": "an address",
    "keywords": "words that a search finds it by",
    "hooks": "the kt_* hooks that its plugins implement",
}


def pack() -> dict[str, Any]:
    """Return the schema, draft 2020-12."""
    text: dict[str, Any] = {"type": "string"}
    texts: dict[str, Any] = {"type": "array", "items": text}
    head = {key: {**text, "description": ABOUT[key]} for key in TEXTS}
    head |= {key: {**texts, "description": ABOUT[key]} for key in LISTS}
    needs = {
        f.name: {**texts, "description": f"what it may {WORDS[f.name]}; {ANY[f.name]} is any"} for f in fields(Needs)
    }
    thing = dict.fromkeys(("kind", "name", "description"), text)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A pack: kt-pack.toml",
        "type": "object",
        "required": ["pack"],
        "additionalProperties": False,
        "properties": {
            "pack": _table(head, REQUIRED),
            "needs": _table(needs, ()),
            "provides": {"type": "array", "items": _table(thing, ("kind", "name"))},
        },
    }


def _table(properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
