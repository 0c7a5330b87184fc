"""The conversation of an agent, and the log and bus that hear of everything that happens to it."""

from collections.abc import Mapping

from ._bus import Bus
from ._log import Log, MemoryLog
from ._messages import Message, ToolCall, ToolResult
from ._toolcalls import failure
from ._turn import CallState
from .events import HistoryEdited, Logged


class Conversation:
    """What was said, with the origins of what taints it; every change of it is logged."""

    __slots__ = ("bus", "history", "log", "taint")

    def __init__(self, log: Log | None) -> None:
        self.bus, self.log = Bus(), MemoryLog() if log is None else log
        self.history: list[Message] = []
        self.taint: frozenset[str] = frozenset()

    def record(self, event: Logged) -> None:
        """Append an event to the log, then publish it with its sequence number."""
        event.seq = self.log.append(event)
        if self.bus.heard:
            self.bus.publish(event)

    async def durable(self) -> None:
        """Wait until everything recorded so far would survive a crash."""
        if self.log.lasting:
            await self.log.durable()

    def add(self, message: Message) -> None:
        """Append a message to the conversation, and take over what taints it."""
        self.history.append(message)
        if self.log.lasting and (keep := getattr(self.log, "add", None)) is not None:
            keep(message)
        for part in message.parts:
            if part.origin:
                self.taint |= {*part.origin.split()}
            if part.__class__ is ToolResult:
                self.taint |= {origin for p in part.parts for origin in p.origin.split()}

    def edit_history(self, start: int, stop: int, messages: list[Message], *, by: str = "") -> None:
        """Put `messages` in the place of `history[start:stop]`, between two requests to the model; `by` says who."""
        self.history[start:stop] = messages
        self.record(HistoryEdited(start, stop, messages, by))

    def open_calls(self) -> list[ToolCall]:
        """Return the calls of the last message that have no result yet."""
        history = self.history
        return history[-1].tool_calls if history and history[-1].role == "assistant" else []

    def close_calls(self, why: str, known: Mapping[str, CallState]) -> None:
        """Give every open call its known result, or one that says why there is none: history stays valid everywhere."""
        if calls := self.open_calls():
            results = {c.id: s.result for c in calls if (s := known.get(c.id)) is not None}
            self.add(Message("tool", [results.get(c.id) or failure(c, why) for c in calls]))
            for call in calls:
                if (state := known.get(call.id)) is not None and state.result is None:
                    state.end(failure(call, why))
