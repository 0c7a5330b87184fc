"""What a replay found: differences, in the order in which they came up, and how they are shown."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from difflib import unified_diff

LINES = 12
"""Lines that are shown of one difference."""
WIDTH = 200
"""Characters that are shown of one line."""
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(slots=True)
class Difference:
    """One thing that is not as it was recorded; None where it was, or is, not there.

    `step` counts the model calls of the turn from 1: what is sent with a call and what its reply asks for belong to
    it. 0 is before the first one; `turn` is the number in the session.
    """

    turn: int
    step: int
    what: str
    recorded: str | None
    now: str | None

    @property
    def where(self) -> str:
        return f"turn {self.turn}, model call {self.step}" if self.step else f"turn {self.turn}"


@dataclass(slots=True)
class ReplayReport:
    """How much was replayed, and what differs.

    `left_out` names the recorded plugins that took no part: what they refused or answered is replayed as recorded.
    """

    turns: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    differences: list[Difference] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        """Return the differences and, as the last line, how many there are in how much."""
        return "\n".join([*(line for each in self.differences for line in shown(each)), self.summary])

    @property
    def summary(self) -> str:
        counted = ((self.turns, "turn"), (self.model_calls, "model call"), (self.tool_calls, "tool call"))
        return f"{_count(len(self.differences), 'difference')} in {', '.join(_count(n, what) for n, what in counted)}"

    def json(self) -> str:
        """Return the report as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def shown(difference: Difference) -> Iterator[str]:
    """Yield the lines that show a difference: what and where, then what was (-) and what is now (+)."""
    yield inert(f"{difference.where}: {difference.what}")
    lines = list(_lines(difference.recorded, difference.now))
    for line in lines[:LINES]:
        yield inert("  " + (line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."))
    if len(lines) > LINES:
        yield f"  ... {_count(len(lines) - LINES, 'more line')}"


def inert(text: str) -> str:
    """Return text with control, zero-width and bidi characters made visible; newlines stay."""
    return _CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text)


def _lines(recorded: str | None, now: str | None) -> Iterator[str]:
    if recorded is None or now is None:
        yield from (f"- {line}" for line in ("nothing" if recorded is None else recorded).splitlines() or [""])
        yield from (f"+ {line}" for line in ("nothing" if now is None else now).splitlines() or [""])
        return
    lines = list(unified_diff(recorded.splitlines(), now.splitlines(), lineterm="", n=1))[2:]
    for line in lines or [f"-{json.dumps(recorded)}", f"+{json.dumps(now)}"]:
        if not line.startswith("@@"):
            yield f"{line[:1]} {line[1:]}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
