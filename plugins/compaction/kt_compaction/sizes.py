"""How long messages are, in characters: the measure by which a known number of tokens is shared out among them."""

import json
from collections.abc import Iterable, Sequence

from kt import Media, Message, Opaque, Part, ProviderItem, Text, Thinking, Tool, ToolCall, ToolResult

ENVELOPE, PICTURE = 16, 6000
"""Characters that a message costs beside its parts, and that an image or file is taken for."""
CHARS_A_TOKEN = 4


def size_of(message: Message) -> int:
    """Return the characters of a message."""
    return ENVELOPE + sum(map(_size, message.parts))


def sizes_of(messages: Iterable[Message]) -> int:
    """Return the characters of messages."""
    return sum(map(size_of, messages))


def fixed_size(system: str, tools: Sequence[Tool]) -> int:
    """Return the characters that each request has besides its messages."""
    return len(system) + sum(len(t.name) + len(t.description) + len(json.dumps(t.parameters)) for t in tools)


def _size(part: Part) -> int:
    if isinstance(part, Text):
        return len(part.text)
    if isinstance(part, ToolResult):
        return sum(map(_size, part.parts))
    if isinstance(part, ToolCall):
        return len(part.name) + len(part.args_text)
    if isinstance(part, Thinking):
        return len(part.text) + len(part.encrypted or "")
    if isinstance(part, Media):
        return PICTURE
    return len(str(part.data)) if isinstance(part, ProviderItem | Opaque) else len(part.text)
