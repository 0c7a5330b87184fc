"""What marks a message: as a summary, or as pinned, so that no summary replaces it."""

from typing import Any

from kt import Message

SUMMARY, PINNED = "summary", "pinned"


def pinned(message: Message) -> bool:
    """Tell whether a message stays as it is: `x={"kt": {"pinned": True}}`, or the role "system"."""
    return message.role == "system" or _marked(message, PINNED)


def is_summary(message: Message) -> bool:
    """Tell whether a message is a summary of an earlier part of the conversation."""
    return _marked(message, SUMMARY)


def mark(name: str) -> dict[str, Any]:
    """Return the `x` of a message with a mark."""
    return {"kt": {name: True}}


def _marked(message: Message, name: str) -> bool:
    own = message.x.get("kt") if message.x else None
    return isinstance(own, dict) and own.get(name) is True
