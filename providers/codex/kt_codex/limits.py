"""What ChatGPT's service says of the plan's limits while it answers."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kt_http.exchange import Reply

if TYPE_CHECKING:
    from kt import Message
    from kt_http.exchange import Delta

EVENT = "codex.rate_limits"
_MARK = b"codex.rate_limits"


class NoteLimits:
    """Pass one answer on to the wire's own assembler, and keep the limits told in it in the Message's `x[key]`."""

    def __init__(self, reply: Reply, key: str) -> None:
        self._reply, self._key = reply, key
        self._limits: dict[str, Any] = {}
        self.done, self.ended = reply.done, reply.ended

    def feed(self, event: str, data: bytes) -> "Sequence[Delta]":
        if _MARK in data[:64] or event == EVENT:
            self._note(data)
            return ()
        return self._after(self._reply.feed(event, data))

    def feed_body(self, body: bytes) -> "Sequence[Delta]":
        return self._after(self._reply.feed_body(body))

    def finish(self) -> "Message":
        return self._noted(self._reply.finish())

    def message(self) -> "Message":
        return self._noted(self._reply.message())

    def _after(self, deltas: "Sequence[Delta]") -> "Sequence[Delta]":
        self.done, self.ended = self._reply.done, self._reply.ended
        return deltas

    def _note(self, data: bytes) -> None:
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            return  # a remark beside the answer, which stands without it
        if isinstance(told, dict):
            self._limits = {name: value for name, value in told.items() if name != "type"}

    def _noted(self, message: "Message") -> "Message":
        if self._limits:
            message.x = {**(message.x or {}), self._key: {"limits": self._limits}}
        return message
