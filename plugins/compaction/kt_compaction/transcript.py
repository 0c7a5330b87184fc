"""A conversation as text, for a model that is told about it rather than takes part in it."""

from collections.abc import Iterable

from kt import Media, Message, Part, Refusal, Text, ToolCall, ToolResult


def pieces(messages: Iterable[Message], size: int, *, result_chars: int) -> list[str]:
    """Return the text of messages in pieces of at most `size` characters.

    Tool results are shortened to `result_chars`, and a message that is longer than a piece to a piece.
    """
    found: list[list[str]] = []
    room = 0
    for message in messages:
        text = shorten(_text(message, result_chars), size)
        if len(text) + 2 > room:
            found.append([])
            room = size
        found[-1].append(text)
        room -= len(text) + 2
    return ["\n\n".join(texts) for texts in found]


def shorten(text: str, limit: int) -> str:
    """Return a text with its middle left out where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    said = f"\n[... {len(text) - limit:,} characters left out ...]\n"
    half = max(limit - len(said), 0) // 2
    return text[:half] + said + text[len(text) - half :] if half else text[:limit]


def _text(message: Message, result_chars: int) -> str:
    return f"[{message.role}]\n" + "\n".join(filter(None, (_part(part, result_chars) for part in message.parts)))


def _part(part: Part, result_chars: int) -> str:
    """Return a part in words, "" for what says nothing to a reader (thinking, a provider's own items)."""
    if isinstance(part, Text | Refusal):
        return part.text
    if isinstance(part, ToolCall):
        return f"[call of {part.name}] {shorten(part.args_text, result_chars)}"
    if isinstance(part, ToolResult):
        text = "\n".join(filter(None, (_part(inner, result_chars) for inner in part.parts)))
        failed = ", an error" if part.is_error else ""
        return f"[result of {part.name or 'a tool'}{failed}] {shorten(text, result_chars)}"
    return f"[{part.name or part.mime}]" if isinstance(part, Media) else ""
