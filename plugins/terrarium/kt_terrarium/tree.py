"""A team at one moment: its creatures, channels and wires, as values and as lines."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from unicodedata import combining, east_asian_width

_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
COLOURS = {"running": 32, "waiting": 33, "restarting": 33, "failed": 31, "interrupted": 31, "idle": 2, "stopped": 2}
SHOWN = 3
"""How many messages of a channel are shown."""


@dataclass(slots=True)
class CreatureView:
    """A creature as its session tells.

    `state` is running, waiting (for an answer, or for the others), idle, restarting, failed, stopped, interrupted (its
    process ended in a turn) or unknown (it keeps no session). `context` are the tokens of its last request, `window`
    those that its model takes, `tool` its last call; `cost` in USD is None where a price is unknown.
    """

    name: str
    root: bool = False
    state: str = "unknown"
    model: str = ""
    turns: int = 0
    input: int = 0
    output: int = 0
    cost: float | None = None
    context: int = 0
    window: int | None = None
    tool: str = ""
    error: str = ""


@dataclass(slots=True)
class MessageView:
    """A message; `time` in seconds since the epoch."""

    time: float
    sender: str
    text: str


@dataclass(slots=True)
class PipeView:
    """A channel, or a wire, whose `type` is "wire"; `last` are its newest messages, oldest first."""

    name: str
    type: str
    senders: list[str]
    listeners: list[str]
    sent: int = 0
    last: list[MessageView] = field(default_factory=list)


@dataclass(slots=True)
class TeamView:
    """A team; `state` is running, ended, or interrupted where a process ended in the middle."""

    name: str
    state: str
    session: str
    creatures: list[CreatureView] = field(default_factory=list)
    channels: list[PipeView] = field(default_factory=list)
    wires: list[PipeView] = field(default_factory=list)
    note: str = ""


def lines(team: TeamView, width: int, *, colour: bool = False) -> list[str]:
    """Return the team as lines of at most `width` columns, in which nothing acts on a terminal."""
    out = list(wrapped([team.name, team.state, team.session], width, colour=colour))
    if team.note:
        out.append(one_line(f"  {team.note}", width))
    for creature in team.creatures:
        out += wrapped(_facts(creature), width, indent=2, colour=colour)
        out += [one_line(f"      {text}", width) for text in (creature.tool, creature.error) if text]
    for pipe in (*team.channels, *team.wires):
        ways = f"{', '.join(pipe.senders) or '-'} {'=>' if pipe.type == 'wire' else '->'} {', '.join(pipe.listeners)}"
        kind = [pipe.type] if pipe.type == "queue" else []
        name = [] if pipe.type == "wire" else [f"#{pipe.name}"]
        out += wrapped([*name, *kind, ways, count(pipe.sent, "message")], width, indent=2, colour=False)
        out += [one_line(f"      {said.sender}: {said.text}", width) for said in pipe.last[-SHOWN:]]
    return out


def _facts(creature: CreatureView) -> Iterator[str]:
    yield creature.name + (" (root)" if creature.root else "")
    yield creature.state
    yield count(creature.turns, "turn")
    yield count(creature.input + creature.output, "token")
    if creature.cost is not None:
        yield f"${creature.cost:,.4f}"
    if creature.window and creature.context:
        yield f"context {100 * creature.context / creature.window:.0f}%"


def count(number: int, thing: str) -> str:
    """Return "1 turn", "2 turns"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def wrapped(parts: Sequence[str] | Iterator[str], width: int, *, indent: int = 0, colour: bool) -> Iterator[str]:
    """Yield lines of parts with two blanks between, none wider than `width`; further ones are indented more."""
    line, used, at = " " * indent, indent, indent
    for part in parts:
        text = one_line(part, max(width - at, 4))
        size = columns_of(text)
        gap = 2 if used > at else 0
        if gap and used + gap + size > width:
            yield line
            at = min(indent + 4, width // 2)
            line, used, gap = " " * at, at, 0
            text = one_line(part, max(width - at, 4))
        line += " " * gap + (f"\x1b[{COLOURS[text]}m{text}\x1b[0m" if colour and text in COLOURS else text)
        used += gap + columns_of(text)
    if line.strip():
        yield line


def one_line(text: str, width: int) -> str:
    """Return text as one line of at most `width` columns that does nothing to a terminal; leading blanks stay."""
    head = text[: len(text) - len(text.lstrip(" "))]
    line = head + _ACTING.sub(_escape, " ".join(text[: 20 * width].split()))
    if columns_of(line) <= width:
        return line
    room, at = max(width - 3, 0), 0
    while at < len(line) and (taken := columns_of(line[at])) <= room:
        room, at = room - taken, at + 1
    return line[:at] + "..."[:width]


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
