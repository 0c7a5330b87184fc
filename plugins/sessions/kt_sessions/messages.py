"""Messages, parts and usage from their stored data."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kt import Media, Message, Opaque, Part, ProviderItem, Refusal, Text, Thinking, ToolCall, ToolResult, Usage

Data = Mapping[str, Any]


def message_of(data: Data) -> Message:
    """Return a message from its data. Raises TypeError and KeyError for what is none."""
    rest = dict(data)
    rest["parts"] = [part_of(part) for part in rest["parts"]]
    if rest.get("usage") is not None:
        rest["usage"] = Usage(**rest["usage"])
    return Message(**rest)


def part_of(data: Data) -> Part:
    """Return a part from its data; of a kind that this kt does not know it is Opaque."""
    kind = data.get("kind", "")
    make = _KINDS.get(kind)
    return make(data) if make else Opaque(str(kind), dict(data))


def result_of(data: Data) -> ToolResult:
    """Return a tool's result from its data."""
    return ToolResult(**{**data, "parts": [part_of(part) for part in data["parts"]]})


def call_of(data: Data) -> ToolCall:
    """Return a call from its data, with its arguments parsed where they can be."""
    call = ToolCall(**data)
    if call.arguments is None:
        try:
            arguments = json.loads(call.args_text or "{}")
        except ValueError:
            return call
        call.arguments = arguments if isinstance(arguments, dict) else None
    return call


def _text(data: Data) -> Text:
    return Text(**{**data, "citations": tuple(data["citations"])}) if "citations" in data else Text(**data)


_KINDS: dict[str, Callable[[Data], Part]] = {
    "text": _text,
    "media": lambda data: Media(**data),
    "thinking": lambda data: Thinking(**data),
    "tool_call": call_of,
    "tool_result": result_of,
    "provider_item": lambda data: ProviderItem(**data),
    "refusal": lambda data: Refusal(**data),
    "opaque": lambda data: Opaque(**data),
}
