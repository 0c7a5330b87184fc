"""Messages, parts and usage from their stored data."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
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
    rest = dict(data)
    kind = rest.pop("kind", "")
    make = _KINDS.get(kind)
    return make(rest) if make else Opaque(str(kind), dict(data))


def result_of(data: Data) -> ToolResult:
    """Return a tool's result from its data."""
    rest = {k: v for k, v in data.items() if k != "kind"}
    return ToolResult(**{**rest, "parts": [part_of(part) for part in rest["parts"]]})


def call_of(data: Data) -> ToolCall:
    """Return a call from its data, with its arguments parsed where they can be."""
    call = ToolCall(**{k: v for k, v in data.items() if k != "kind"})
    if call.arguments is None:
        with suppress(ValueError):
            arguments = json.loads(call.args_text or "{}")
            call.arguments = arguments if isinstance(arguments, dict) else None
    return call


def _text(rest: dict[str, Any]) -> Text:
    return Text(**{**rest, "citations": tuple(rest["citations"])}) if "citations" in rest else Text(**rest)


_KINDS: dict[str, Callable[[dict[str, Any]], Part]] = {
    "text": _text,
    "media": lambda rest: Media(**rest),
    "thinking": lambda rest: Thinking(**rest),
    "tool_call": call_of,
    "tool_result": result_of,
    "provider_item": lambda rest: ProviderItem(**rest),
    "refusal": lambda rest: Refusal(**rest),
    "opaque": lambda rest: Opaque(**rest),
}
