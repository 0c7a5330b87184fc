"""Messages and events as JSON data and back; what equals its default is left out."""

import base64
import json
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from ._messages import Json, PartBase
from .events import Event

T = TypeVar("T")


def encode(value: object) -> Json:
    """Return JSON data for messages, parts, events, results and plain data; an event has its kind as `type`."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [encode(v) for v in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if is_dataclass(value):
        head = {"type": value.kind} if isinstance(value, Event) else {}
        head.update({"kind": value.kind} if isinstance(value, PartBase) else {})  # type: ignore[attr-defined]
        items = ((n, getattr(value, n), default) for n, default in _layout(type(value)))
        return {**head, **{n: encode(v) for n, v, default in items if default is MISSING or v != default}}
    if isinstance(value, BaseException):
        return {"error": type(value).__name__, "code": getattr(value, "code", ""), "message": str(value)}
    dump = getattr(value, "model_dump", None)
    return encode(dump(mode="json")) if callable(dump) else str(value)


@cache
def _layout(cls: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.default) for f in fields(cls) if f.repr)


def decode(cls: type[T], text: str | bytes) -> T:
    """Return the message, part or event of class `cls` from its JSON text. Raises ValueError where it does not fit."""
    value: T = adapter(cls).validate_python(json.loads(text, object_hook=_with_bytes))
    return value


def _with_bytes(data: dict[str, Any]) -> dict[str, Any]:
    if data.get("kind") == "media" and isinstance(data.get("data"), str):
        data["data"] = base64.b64decode(data["data"])
    return data


@cache
def adapter(cls: Any) -> Any:
    """Return pydantic's validator of a class, made once."""
    from pydantic import TypeAdapter

    return TypeAdapter(cls)
