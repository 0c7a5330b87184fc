"""What goes along with a message: files named with @, images, and pasted text."""

import mimetypes
import re
from pathlib import Path

from kt import Agent, Media, Message, Part, Text

MOST_TEXT = 50_000
"""Characters of a file that go along; of a longer one only its name does, and the agent reads what it wants."""
MOST_BYTES = 10 << 20
BESIDE = ("file", "exec")
"""Origins of what goes along with a person's words."""
_NAMED = re.compile(r"(?<!\S)@(\"[^\"]+\"|\S+)")


def message_of(agent: Agent, text: str, more: tuple[Part, ...] = ()) -> list[Part]:
    """Return the parts of a message: its text, then what it names with @ and `more`."""
    parts: list[Part] = [Text(text)]
    for name in dict.fromkeys(found.strip('"').rstrip(",.;:)") for found in _NAMED.findall(text)):
        if (part := _part(agent.pwd, name)) is not None:
            parts.append(part)
    return [*parts, *more]


def shown_of(message: Message) -> str:
    """Return what a person sees of a message that went to the agent: its own words, and how much went along."""
    words = [p.text for p in message.parts if isinstance(p, Text) and p.origin not in BESIDE]
    beside = len(message.parts) - len(words)
    if not words:
        return message.text
    return "\n".join(words) + (f" (+{beside})" if beside else "")


def _part(pwd: Path, name: str) -> Part | None:
    """Return what a named file adds to a message, None where there is none or only its name is of use."""
    try:
        path = pwd / (Path(name).expanduser() if name.startswith("~/") else name)
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        if (media := image(path)) is not None:
            return media
        text = path.read_text("utf-8")
    except (OSError, ValueError, RuntimeError):
        return None
    if len(text) > MOST_TEXT or "\0" in text:
        return None
    return Text(f'<file path="{name}">\n{text}\n</file>', origin="file")


def image(path: Path) -> Media | None:
    """Return an image's file as a part of a message, None for another file."""
    mime = mimetypes.guess_type(path.name)[0] or ""
    if not mime.startswith("image/") or path.stat().st_size > MOST_BYTES:
        return None
    return Media(mime, data=path.read_bytes(), name=path.name, origin="file")
