"""What was found, as a person reads it."""

from datetime import datetime

from .search import Hit
from .snippets import BEGIN, END, marked


def shown(hit: Hit, begin: str, end: str) -> str:
    """Return a hit as two lines: where it is, and its text with `begin` and `end` around what matched."""
    who = " ".join(filter(None, [hit.stream, hit.role or hit.kind]))
    when = datetime.fromtimestamp(hit.time).strftime("%Y-%m-%d %H:%M")
    turn = f"turn {hit.turn}" if hit.turn is not None else f"event {hit.event}"
    return f"{hit.session.stem}  {turn}  {when}  {who}\n  {marked(_plain(hit.text), begin, end)}"


def _plain(text: str) -> str:
    """Return text without control characters: what a tool returned must not steer the terminal."""
    return "".join(c if c.isprintable() or c in (BEGIN, END) else "\ufffd" for c in text)
