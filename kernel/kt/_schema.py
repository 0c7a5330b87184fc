"""JSON schemas and validators from signatures. pydantic is imported here, on first use."""

import inspect
import re
from collections.abc import Callable
from typing import Any, get_type_hints

from ._messages import Json
from ._tool import Described
from .errors import ConfigError


def describe(function: Callable[..., Any], *, skip_first: bool) -> Described:
    """Return (description, parameters schema, validator) of a function.

    The validator takes JSON arguments and returns keyword arguments; it raises ValueError with one line a mistake.
    """
    from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, create_model

    summary, docs = parse_docstring(inspect.getdoc(function) or "")
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ConfigError(f"tool {function.__name__!r} has an annotation that does not resolve: {error}") from error
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    parameters = dict(list(inspect.signature(function).parameters.items())[1 if skip_first else 0 :])
    for name, p in parameters.items():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY):
            raise ConfigError(f"tool {function.__name__!r} takes {p}, which has no schema", hint="use named parameters")
        default = ... if p.default is p.empty else p.default
        # A parameter may be called what a model's own attribute is called; the alias keeps its name outside.
        field = name
        while field.startswith("_") or hasattr(BaseModel, field) or (field != name and field in parameters):
            field = f"p_{field}"
        said: Any = {"description": docs[name]} if name in docs else {}
        fields[field] = (hints.get(name, Any), Field(default, alias=name, **said))
        names[field] = name
    config = ConfigDict(extra="forbid", protected_namespaces=())
    try:
        model = create_model(function.__name__, __config__=config, **fields)
        schema = tidy(model.model_json_schema())
    except PydanticUserError as error:
        raise ConfigError(f"tool {function.__name__!r} has a parameter without a schema: {error.message}") from error
    validator = model.__pydantic_validator__

    renamed = any(field != name for field, name in names.items())

    def validate(arguments: dict[str, Json]) -> dict[str, Any]:
        values: dict[str, Any] = validator.validate_python(arguments).__dict__
        return {name: values[field] for field, name in names.items()} if renamed else values

    return summary, schema, validate


def complaints(error: Exception) -> str:
    """Return what a model should read about its invalid arguments."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in errors()[:8])


def tidy(schema: Json) -> Json:
    """Return the schema without titles, null defaults and the null branch of optional values: fewer tokens."""
    if isinstance(schema, list):
        return [tidy(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: tidy(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
    if out.get("default", ...) is None:
        del out["default"]
        branches = [b for b in out.get("anyOf", ()) if b != {"type": "null"}]
        if len(branches) == 1:
            del out["anyOf"]
            out = {**branches[0], **out}
    return out


_SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?):\n((?:[ \t]+.*\n?|\n)*)", re.MULTILINE
)
_PARAM = re.compile(r"^(\s+)(\w+)(?: *\([^)]*\))? *: *(.*(?:\n\1[ \t]+.*)*)", re.MULTILINE)
_FIELD = re.compile(r"^ *:(?:param|arg)(?: \w+)? (\w+): *(.*)\n?", re.MULTILINE)


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return (description, description of each parameter) from a Google-style or :param: docstring."""
    params = {name: " ".join(said.split()) for name, said in _FIELD.findall(text)}
    for section, body in _SECTION.findall(text):
        if section in ("Args", "Arguments", "Parameters"):
            params.update({name: " ".join(said.split()) for _, name, said in _PARAM.findall(body)})
    return _FIELD.sub("", _SECTION.sub("", text)).strip(), params
