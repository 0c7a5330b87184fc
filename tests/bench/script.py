"""What both sides play: the same replies, calls and texts."""

import itertools
import json
from collections.abc import Iterator

TEXT = "This is a scripted assistant reply of a normal length, sixty-odd characters."
USER = "Please do the thing that I asked for, and report back in one line."
_numbers = itertools.count(1)


class Step:
    """One reply: text deltas, or a number of tool calls, after `sleep` seconds."""

    __slots__ = ("calls", "deltas", "sleep")

    def __init__(self, *, deltas: list[str] | None = None, calls: int = 0, sleep: float = 0.0) -> None:
        self.deltas, self.calls, self.sleep = deltas or [], calls, sleep

    def make_calls(self) -> Iterator[tuple[str, str, str]]:
        """Yield (id, name, arguments), the ids fresh at every use."""
        for i in range(self.calls):
            yield f"call_{next(_numbers)}", "add", json.dumps({"a": i, "b": 1})


class Script:
    """Give out steps in a circle, so that one agent can run many turns."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = itertools.cycle(steps)

    def next(self) -> Step:
        return next(self.steps)


def script(kind: str, *, sleep: float = 0.0, deltas: int = 2000) -> Script:
    """Return the script of a measure: text, seq (20 calls one by one), par (20 at once), stream."""
    answer = Step(deltas=[TEXT], sleep=sleep)
    if kind == "seq":
        return Script([*(Step(calls=1) for _ in range(20)), answer])
    if kind == "par":
        return Script([Step(calls=20), answer])
    if kind == "stream":
        return Script([Step(deltas=["token "] * deltas)])
    return Script([answer])


def add(a: int, b: int) -> int:
    """Add two integers.

    Args:
        a: the first
        b: the second
    """
    return a + b
