"""A tool call of the Chat Completions wire while its fragments come."""

import json
from secrets import token_hex
from typing import Any

from kt import ToolCall

from .chat import WIRE

_KNOWN = frozenset({"index", "id", "type", "function"})


class CallDraft:
    """Collect one call; one that comes without an id is given one."""

    __slots__ = ("_done", "_x", "args", "id", "name")

    def __init__(self, id: str, name: str, origin: str) -> None:
        self.id, self.name = id or f"call_{token_hex(6)}", name
        self.args: list[str] = []
        self._x: dict[str, Any] = {"origin": origin}
        self._done: ToolCall | None = None

    def keep(self, piece: dict[str, Any]) -> None:
        """Keep the fields of a fragment that nobody knows."""
        if not piece.keys() <= _KNOWN:
            self._x.update((k, v) for k, v in piece.items() if k not in _KNOWN and v is not None)

    def is_whole(self) -> bool:
        """Tell whether the arguments so far are a JSON object, after which nothing can follow."""
        text = "".join(self.args)
        if not text.rstrip().endswith("}"):
            return False
        try:
            json.loads(text)
        except ValueError:
            return False
        return True

    def complete(self) -> list[ToolCall]:
        """Return the call as a delta, once, if nothing can follow."""
        if self._done is not None or not self.name or (self.args and not self.is_whole()):
            return []
        self._done = self._made()
        return [self._done]

    def finished(self) -> ToolCall:
        """Return the call; the very object that was shown, unless more came after."""
        made = self._made()
        return self._done if self._done is not None and self._done.args_text == made.args_text else made

    def _made(self) -> ToolCall:
        return ToolCall(self.id, self.name, "".join(self.args), x={WIRE: self._x} if len(self._x) > 1 else None)
