"""From JSON schema to the subset of OpenAPI's that Google's `parameters` and `responseSchema` take."""

from collections.abc import Mapping
from typing import Any

_KEPT = frozenset(
    {
        "description",
        "enum",
        "example",
        "default",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "propertyOrdering",
        "required",
        "title",
        "type",
    }
)


def reduced(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without what the subset lacks: $ref inlined, const an enum of one, null a nullable.

    What refers to itself becomes an object of any shape where it comes again. Keys that the subset lacks are left out.
    """
    return _reduced(schema, schema, ())


def _reduced(schema: Any, root: Mapping[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        return {}  # true: anything
    if isinstance(ref := schema.get("$ref"), str):
        if ref in seen:
            return {"type": "object"}
        beside = {k: v for k, v in schema.items() if k != "$ref"}
        return _reduced({**_target(ref, root), **beside}, root, (*seen, ref))
    out = {k: v for k, v in schema.items() if k in _KEPT}
    if "const" in schema:
        out["enum"] = [schema["const"]]
    if isinstance(properties := schema.get("properties"), Mapping):
        out["properties"] = {name: _reduced(inner, root, seen) for name, inner in properties.items()}
    if isinstance(items := schema.get("items"), Mapping):
        out["items"] = _reduced(items, root, seen)
    choices = next((found for k in ("anyOf", "oneOf") if (found := _list(schema, k))), [])
    for part in _list(schema, "allOf"):
        inner = _reduced(part, root, seen)
        merged = {**(out.get("properties") or {}), **(inner.get("properties") or {})}
        out = {**inner, **out, **({"properties": merged} if merged else {})}
    return _typed(out, [_reduced(choice, root, seen) for choice in choices])


def _typed(out: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the choices and the several types of a schema in the one way the subset has."""
    types = out.pop("type", None)
    if isinstance(types, list):
        choices = choices or [{"type": name} for name in types]
    elif types is not None:
        out["type"] = types
    real = [choice for choice in choices if choice.get("type") != "null"]
    if len(real) < len(choices):
        out["nullable"] = True
    if len(real) == 1:
        out = {**real[0], **out}
    elif real:
        out["anyOf"] = real
    if listed := _list(out, "enum"):
        values = [value for value in listed if value is not None]
        if len(values) < len(listed):
            out["nullable"] = True
        if values and all(isinstance(value, str) for value in values):
            out["enum"], out["type"] = values, "string"
        else:
            del out["enum"]  # it holds only texts
            out.setdefault("type", _type(values))
    if out.get("type") == "array":
        out.setdefault("items", {})
    return out


def _list(schema: Mapping[str, Any], key: str) -> list[Any]:
    found = schema.get(key)
    return found if isinstance(found, list) else []


def _type(values: list[Any]) -> str:
    if not values:
        return "string"
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    return "integer" if all(isinstance(value, int) for value in values) else "number"


def _target(ref: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference inside the schema points at; nothing for one that points outside."""
    node: Any = root
    for step in ref.removeprefix("#").split("/")[1:]:
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) and ref.startswith("#") else {}
