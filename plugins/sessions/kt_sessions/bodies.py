"""Events as the plain data of a stored body: what another event of the session holds already is a reference to it.

A reference is `{"$ref": seq}`: the message, or the tool's result, of that event of the same stream. `{"$blob": hash}`
is large text and `{"$bytes": hash}` bytes, both kept in the table `blob` by SHA-256.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any

from kt import Message, ToolCall, Usage
from kt.events import (
    Event,
    InputAccepted,
    LLMEnded,
    Logged,
    ToolEnded,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)

from .events import MessageAdded

Data = dict[str, Any]
VERSIONS: Mapping[str, int] = {}
"""The version of a kind's body, where it is not 1; `upcast.STEPS` brings older ones up."""

_PLAIN = (str, int, float, bool, type(None))
_LAYOUTS: dict[type, tuple[tuple[str, Any], ...]] = {}
_SKIPPED = {ToolCall: {"arguments", "state"}, Message: {"encoded"}}


def version_of(kind: str) -> int:
    """Return the version of the bodies that are written of a kind."""
    return VERSIONS.get(kind, 1)


def plain(value: Any) -> Any:
    """Return JSON data that shares nothing mutable with `value`; bytes stay bytes, equal defaults are left out."""
    kind = value.__class__
    if kind in _PLAIN:
        return value
    if kind is list or kind is tuple:
        return [plain(v) for v in value]
    if kind is dict:
        return {_key(k): plain(v) for k, v in value.items()}
    layout = _LAYOUTS.get(kind)
    if layout is None:
        if not hasattr(kind, "__dataclass_fields__"):
            return _other(value)
        layout = _LAYOUTS[kind] = _layout(kind)
    out = {}
    for name, default in layout:
        item = getattr(value, name)
        if item is not default and (default is MISSING or item != default):
            out[name] = item if item.__class__ in _PLAIN else plain(item)
    if kind is ToolCall and not value.args_text and value.arguments:
        out["arguments"] = plain(value.arguments)
    elif hasattr(kind, "kind") and not isinstance(value, Event):
        out["kind"] = value.kind
    return out


def _key(key: Any) -> str:
    """Return a key as text; one that looks like a reference is marked as none."""
    text = key if key.__class__ is str else str(key)
    return "$" + text if text[:1] == "$" else text


def _layout(kind: Any) -> tuple[tuple[str, Any], ...]:
    skipped = _SKIPPED.get(kind, set())
    return tuple((f.name, f.default) for f in fields(kind) if f.repr and f.name not in skipped and f.name != "kind")


def _other(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, dict | list | tuple | set | frozenset):
        return plain(dict(value)) if isinstance(value, dict) else [plain(v) for v in value]
    if isinstance(value, BaseException):
        return {"error": type(value).__name__, "code": getattr(value, "code", ""), "message": str(value)}
    dump = getattr(value, "model_dump", None)
    return plain(dump(mode="json")) if callable(dump) else str(value)


class Bodies:
    """Make the bodies of one stream's events, remembering what the last ones held."""

    def __init__(self) -> None:
        self.turn: int | None = None
        self._message: tuple[int, Data, object] = (0, {}, None)
        self._results: dict[str, tuple[int, Data, object]] = {}
        self._calls: dict[str, tuple[int, Data, object]] = {}
        self._special: dict[type, Callable[[Any, int], Data]] = {
            TurnStarted: self._turn_started,
            TurnEnded: self._turn_ended,
            InputAccepted: self._input_accepted,
            MessageAdded: self._message_added,
            LLMEnded: self._llm_ended,
            ToolStarted: self._tool_started,
            ToolEnded: self._tool_ended,
        }

    def of(self, event: Logged, seq: int) -> tuple[int | None, Data]:
        """Return the turn that an event belongs to, and its body; it gets the number `seq`."""
        before, special = self.turn, self._special.get(event.__class__)
        if special is not None:
            body = special(event, seq)
            return self.turn or before, body
        body = plain(event)
        body.pop("seq", None)
        return before, body

    def _turn_started(self, event: TurnStarted, seq: int) -> Data:
        self.turn = event.turn
        body: Data = {"turn": event.turn, "source": event.source}
        if event.message is not None:
            body["message"] = self._kept(event.message, seq)
        return body

    def _input_accepted(self, event: InputAccepted, seq: int) -> Data:
        return {"source": event.source, "message": self._kept(event.message, seq)}

    def _message_added(self, event: MessageAdded, seq: int) -> Data:
        if event.message.role != "tool":
            return {"message": self._kept(event.message, seq, calls=True)}
        data = plain(event.message)
        for at, (part, made) in enumerate(zip(data["parts"], event.message.parts, strict=True)):
            known, result, was = self._results.get(part.get("call_id"), (0, None, None))
            if known and result == part and (was is made or _same(result, part)):
                data["parts"][at] = {"$ref": known}
        self._results.clear()
        return {"message": data}

    def _kept(self, message: Message, seq: int, *, calls: bool = False) -> Data:
        """Return a message's data, or a reference where it is the one that the event before held."""
        known, last, was = self._message
        data: Data = plain(message)
        if known and data == last and (was is message or _same(data, last)):
            return {"$ref": known}
        self._message = seq, data, message
        if calls:
            pairs = zip(data["parts"], message.parts, strict=True)
            self._calls = {p["id"]: (seq, p, call) for p, call in pairs if p.get("kind") == "tool_call"}
        return data

    def _llm_ended(self, event: LLMEnded, seq: int) -> Data:
        body: Data = {"number": event.number, "message": self._kept(event.message, seq)}
        if event.usage != (event.message.usage or Usage()):
            body["usage"] = plain(event.usage)
        return body

    def _call(self, call: ToolCall) -> Data:
        data: Data = plain(call)
        known, asked, was = self._calls.get(call.id, (0, None, None))
        if known and asked == data and (was is call or _same(asked, data)):
            return {"$ref": known, "id": call.id}
        return data

    def _tool_started(self, event: ToolStarted, seq: int) -> Data:
        call = self._call(event.call)
        if _changed(event.call):
            call = {**plain(event.call), "arguments": plain(event.call.arguments)}
        body: Data = {"call": call, "effect": event.effect}
        if event.attempt != 1:
            body["attempt"] = event.attempt
        return body

    def _tool_ended(self, event: ToolEnded, seq: int) -> Data:
        result = plain(event.result)
        self._results[event.result.call_id] = seq, result, event.result
        return {"call": self._call(event.call), "result": result, "seconds": event.seconds}

    def _turn_ended(self, event: TurnEnded, seq: int) -> Data:
        # What the calls brought is in their own events, and a message has the text.
        result = {k: v for k, v in plain(event.result).items() if k not in ("tool_calls", "session")}
        body = {"turn": event.turn, "result": result}
        self._results.clear()
        self.turn = None
        return body


def _same(one: Any, other: Any) -> bool:
    """Tell whether data that is equal is written alike: 1, 1.0 and True are equal, and are not."""
    return json.dumps(one, default=repr) == json.dumps(other, default=repr)


def _changed(call: ToolCall) -> bool:
    """Tell whether a plugin gave a call other arguments than the model's text."""
    try:
        return call.arguments is not None and json.loads(call.args_text or "{}") != call.arguments
    except ValueError:
        return True
