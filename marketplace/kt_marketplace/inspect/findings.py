"""What an inspection found, as text that is safe to print."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from ..inert import inert

Level = Literal["refuse", "ask", "note"]
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


def listed(things: Iterable[str]) -> str:
    """Return "a, b, c": the first few of many things, and how many more there are."""
    every: Collection[str] = list(dict.fromkeys(things))
    shown = ", ".join(inert(thing, longest=100) for thing in list(every)[:SHOWN])
    return f"{shown} and {len(every) - SHOWN} more" if len(every) > SHOWN else shown
