"""Where a conversation is cut: what a summary replaces, and what stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kt import Message, ToolCall, ToolResult

from .marks import is_summary, pinned


@dataclass(slots=True)
class Plan:
    """Hold the messages that a summary replaces: `prefix`, from the first on, but for those of it that are `kept`.

    `size` is that of the prefix in characters, `replaced` that of what goes.
    """

    prefix: list[Message]
    kept: list[Message]
    size: int
    replaced: int

    def fits(self, messages: Sequence[Message]) -> bool:
        """Tell whether messages still begin with the very ones this plan was made for."""
        return len(messages) >= len(self.prefix) and all(a is b for a, b in zip(self.prefix, messages, strict=False))


def make_plan(
    history: Sequence[Message], sizes: Sequence[int], room: float, *, current: Message | None = None
) -> Plan | None:
    """Return how to shorten a history so that at most `room` characters stay, or as few as can; None if none can go.

    `sizes` are those of the messages. `current` is the input of the running turn: where the cut is inside that turn it
    is kept, and so is the last thing that a user said before the cut, unless it takes more than a quarter of the room.
    """
    fixed = [pinned(message) for message in history]
    room -= sum(size for size, stays in zip(sizes, fixed, strict=True) if stays)
    short = [size <= room / 4 for size in sizes]
    left = room - sum(size for m, size, fits in zip(history, sizes, short, strict=True) if m is current and fits)
    ends = _ends(history)
    moving = [0 if stays else size for size, stays in zip(sizes, fixed, strict=True)]
    if (cut := _cut(history, moving, [end for end in ends if end < len(history)], left)) is None:
        return None
    kept = _with_calls(fixed, [0, *(end for end in ends if end <= cut)])
    if history[cut].role != "user":
        said = [at for at, m in enumerate(history[:cut]) if m.role == "user" and not is_summary(m)]
        kept |= {at for at in said if (history[at] is current or at == said[-1]) and short[at]}
    if all(at in kept or is_summary(message) for at, message in enumerate(history[:cut])):
        return None
    size = sum(sizes[:cut])
    return Plan(list(history[:cut]), [history[at] for at in sorted(kept)], size, size - sum(sizes[at] for at in kept))


def _ends(history: Sequence[Message]) -> list[int]:
    """Return the places between messages where no tool call is open."""
    open_calls: set[str] = set()
    ends = []
    for place, message in enumerate(history, 1):
        for part in message.parts:
            if isinstance(part, ToolCall):
                open_calls.add(part.id)
            elif isinstance(part, ToolResult):
                open_calls.discard(part.call_id)
        if not open_calls:
            ends.append(place)
    return ends


def _cut(history: Sequence[Message], sizes: Sequence[int], places: Sequence[int], room: float) -> int | None:
    """Return the first place from which on everything has room, or the last of all; None where there is no place.

    A place where a user speaks is better, if at least half as much stays.
    """
    fitting: list[tuple[int, int]] = []
    end, size = len(history), 0
    for place in reversed(places):
        size += sum(sizes[place:end])
        end = place
        if size <= room or not fitting:
            fitting.append((place, size))
        if size > room:
            break
    turns = [place for place, size in fitting if history[place].role == "user" and size >= fitting[-1][1] / 2]
    return turns[-1] if turns else fitting[-1][0] if fitting else None


def _with_calls(fixed: Sequence[bool], ends: Sequence[int]) -> set[int]:
    """Return the places of what is fixed, with the calls and results that belong to it."""
    return {at for begin, end in pairwise(ends) if any(fixed[begin:end]) for at in range(begin, end)}
