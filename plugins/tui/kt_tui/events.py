"""The log of what happens on the bus, a line each."""

from collections import deque
from dataclasses import fields
from time import localtime, strftime
from typing import Any

from kt import Message
from kt.events import Event, TextDelta, ThinkingDelta, ToolCallDelta
from kt_chat.inert import one_line
from kt_chat.titles import title_of
from rich.text import Text
from textual.widgets import RichLog

MOST = 1_000
"""Lines that are kept."""
DELTAS = (TextDelta, ThinkingDelta, ToolCallDelta)
LENGTH = 160


class EventLog(RichLog):
    """The last 1,000 events but for the deltas of a reply: when, what kind, and the rest in short."""

    def __init__(self) -> None:
        super().__init__(id="events-log", max_lines=MOST, wrap=False, markup=False, highlight=False)
        self._new: deque[tuple[float, Event]] = deque(maxlen=MOST)

    def heard(self, event: Event, at: float) -> None:
        """Take an event in; `at` is the time of day in seconds. It is shown by `catch_up`."""
        if not isinstance(event, DELTAS):
            self._new.append((at, event))

    def catch_up(self) -> None:
        """Show what was heard since."""
        while self._new:
            at, event = self._new.popleft()
            time = strftime("%H:%M:%S", localtime(at))
            who = ""
            while isinstance(inner := getattr(event, "event", None), Event):  # of a creature, or of a sub-agent
                who, event = f"{who}{getattr(event, 'creature', '') or getattr(event, 'id', '')}: ", inner
            of = f"{one_line(who, 60)} " if who else ""
            self.write(Text.assemble((f"{time} ", "dim"), of, (event.kind, "cyan"), f" {said_of(event)}"))


def said_of(event: Any) -> str:
    """Return the values of an event on one line."""
    if (call := getattr(event, "call", None)) is not None and hasattr(call, "arguments"):
        return one_line(f"{call.name} {title_of(call.name, call.arguments, 80)}", LENGTH)
    words = []
    for each in fields(event):
        value = getattr(event, each.name)
        if each.name != "seq" and value not in (None, "", [], ()):
            text = value.text if isinstance(value, Message) else str(value)
            words.append(f"{each.name}={one_line(text, 60)}")
    return one_line(" ".join(words), LENGTH)
