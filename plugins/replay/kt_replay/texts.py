"""Recorded data and what is there now as text that can be compared and shown."""

import json
from typing import Any

from kt import Message, Opaque, Text, ToolCall, ToolResult, encode
from kt_sessions.messages import call_of, message_of

from .record import Data

VOLATILE = ("seconds",)
"""Fields of a message that are left out of the comparison."""


def canonical(value: object) -> str:
    """Return JSON text that is the same for equal values."""
    return json.dumps(encode(value), sort_keys=True, ensure_ascii=False)


def same_message(recorded: Data, now: Message) -> bool:
    """Tell whether a message is the recorded one, but for what is volatile."""
    return _bare(message_of(recorded)) == _bare(now)


def _bare(message: Message) -> str:
    data = encode(message)
    return json.dumps({k: v for k, v in data.items() if k not in VOLATILE}, sort_keys=True, ensure_ascii=False)


def message_texts(recorded: Data | None, now: Message | None) -> tuple[str | None, str | None]:
    """Return two messages as lines for a reader, as JSON where the lines do not tell them apart."""
    before = None if recorded is None else message_of(recorded)
    texts = _readable(before), _readable(now)
    if before is None or now is None or (texts[0] or "").split() != (texts[1] or "").split():
        return texts
    return json.dumps(encode(before), indent=1), json.dumps(encode(now), indent=1)


def _readable(message: Message | None) -> str | None:
    return None if message is None else "\n".join([f"{message.role}:", *map(_part, message.parts)])


def _part(part: Any) -> str:
    match part:
        case Text(text=text):
            return text
        case ToolCall(id=id, name=name, args_text=text):
            return f"call {id}: {name}({text})"
        case ToolResult(call_id=id, is_error=bad):
            return f"{'error' if bad else 'result'} of {id}: {part.text}"
        case Opaque(data=data):
            return canonical(data)
    return canonical(part)


def call_text(name: str, arguments: Any) -> str:
    return f"{name}({json.dumps(arguments, sort_keys=True, ensure_ascii=False)})"


def recorded_arguments(call: Data) -> Any:
    """Return the arguments of a recorded call, its text where they are no JSON object."""
    known = call_of(call)
    return known.args_text if known.arguments is None else known.arguments
