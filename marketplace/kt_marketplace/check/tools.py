"""The contract of a tool: what a model sees of it, and what it may reach."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kt.errors import KTError

from ..needs import Needs
from .outcome import Found

if TYPE_CHECKING:
    from kt import Entry, Plugins

REACH = ("reads", "writes", "net", "exec", "secrets")


def tool(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    """Yield what is wrong with a tool: its name, its docstring, its schema, its effect."""
    from kt import Tool

    if not callable(target):
        yield f"{target!r} is no tool", "decorate a function with @kt.tool"
        return
    made = target if isinstance(target, Tool) else Tool(target)
    if made.name != entry.name:
        yield f"it calls itself {made.name!r}", f'register it as {made.name!r}, or @tool(name="{entry.name}")'
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", entry.name):
        yield f"services refuse the name {entry.name!r}", "letters, digits, _ and -, at most 64"
    if made.effect == "read" and (made.needs.writes or "any" in made.needs.exec):
        yield 'its effect is "read", yet it may change something', 'effect="once", or fewer needs'
    try:
        description, schema = made.description, made.parameters
    except KTError as error:
        yield str(error), error.hint
        return
    except Exception as error:
        yield f"its arguments have no schema: {type(error).__name__}: {error}", "annotate each parameter"
        return
    if len(description) <= 10:
        yield "it does not say what it does", "write a docstring: it is what the model reads"
    yield from _schema(schema)


def _schema(schema: Any) -> Found:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "its schema is no object", "take named parameters"
        return
    properties = schema.get("properties", {})
    if lost := set(schema.get("required", ())) - set(properties):
        yield f"its schema requires {', '.join(sorted(lost))}, which it does not describe", "describe each property"
    for part in _schemas(schema):
        if isinstance(part.get("title"), str) or part.get("default", ...) is None:
            yield "its schema has a title or a default of null, which every request would carry", "leave them away"
            return


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all schemas in it."""
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from _schemas(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _schemas(part)


def within(target: Any, granted: Needs) -> Found:
    """Yield what a tool declares beyond the needs of its pack's manifest."""
    from kt import Tool

    declared = (target if isinstance(target, Tool) else Tool(target)).needs
    beyond = Needs(**{name: getattr(declared, name) for name in REACH}).beyond(granted)
    for kind, values in beyond.table().items():
        fix = f"[needs] {kind} in kt-pack.toml, or needs=ToolNeeds({kind}=...) with less"
        yield f"it declares {kind} {', '.join(values)}, which the manifest does not", fix
