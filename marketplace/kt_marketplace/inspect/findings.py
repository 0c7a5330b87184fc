"""What an inspection found, as text that is safe to print."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["refuse", "ask", "note"]
LONGEST = 400
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    r"""One thing about a wheel: "refuse" ends the matter, "ask" needs a yes, "note" is told.

    `code` is a short word for programs. `text` is made inert: a control character in it is written like "\x1b".
    """

    level: Level
    code: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", inert(self.text))


def inert(text: str, *, longest: int = LONGEST) -> str:
    """Return text on one line, at most `longest` characters, with what a terminal would obey or hide as escapes."""
    cut = text if len(text) <= longest else text[: longest - 4] + " ..."
    return "".join(c if c.isprintable() else _escaped(c) for c in cut)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def listed(things: Iterable[str]) -> str:
    """Return "a, b, c": the first few of many things, and how many more there are."""
    every: Collection[str] = list(dict.fromkeys(things))
    shown = ", ".join(inert(thing, longest=100) for thing in list(every)[:SHOWN])
    return f"{shown} and {len(every) - SHOWN} more" if len(every) > SHOWN else shown
