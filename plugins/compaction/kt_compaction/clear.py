"""Old tool results replaced by a line each: what is left to do where no summary can be had."""

from collections.abc import Sequence
from dataclasses import replace

from kt import Message, Part, Text, ToolResult

from .marks import pinned
from .sizes import size_of


def clear_results(messages: Sequence[Message], limit: int) -> list[Message]:
    """Return messages in which a tool result of more than `limit` characters is a line that says so.

    Calls keep their results, what is pinned stays, and a message without such a result is the same object.
    """
    return [message if pinned(message) or message.role != "tool" else _cleared(message, limit) for message in messages]


def _cleared(message: Message, limit: int) -> Message:
    if size_of(message) <= limit:
        return message
    parts: list[Part] = [_line(p) if isinstance(p, ToolResult) and _long(p, limit) else p for p in message.parts]
    same = all(a is b for a, b in zip(parts, message.parts, strict=True))
    return message if same else replace(message, parts=parts, encoded=None)


def _long(result: ToolResult, limit: int) -> bool:
    return size_of(Message("tool", [result])) > limit


def _line(result: ToolResult) -> ToolResult:
    """Return the result as a line for each origin of its content, so that nothing is taken for the user's own."""
    origins = sorted({part.origin for part in (result, *result.parts)} - {""}) or [""]
    size = f"{sum(len(p.text) for p in result.parts if isinstance(p, Text)):,}"
    return replace(result, parts=[Text(f"[an old result of {size} characters was cleared]", origin=o) for o in origins])
