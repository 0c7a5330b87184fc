"""Text of models and tools that a terminal shows and does not obey."""

import re

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Control, bidi and what is not seen: zero-width characters, fillers, tags."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def inert(text: str) -> str:
    """Return text with control, zero-width and bidi characters made visible; newline and tab stay.

    A return before a newline is part of a line's end, and is left out; what no terminal could be sent becomes "?".
    """
    return _SURROGATE.sub("?", _CONTROL.sub(_visible, text.replace("\r\n", "\n")))


def one_line(text: str, most: int = 160) -> str:
    """Return text as one inert line of at most `most` characters."""
    line = inert(" ".join(text[: 8 * most].split()))
    return line if len(line) <= most and len(text) <= 8 * most else line[: most - 3] + "..."


def _visible(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x10000:
        return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    return f"\\U{number:08x}"
