"""The deltas of one reply without secrets, however they are cut."""

from collections.abc import Callable
from dataclasses import replace

from kt import ToolCall
from kt.events import Event, ThinkingDelta, ToolCallDelta

from .scan import Holder

Delta = str | ToolCall | Event


class Deltas:
    """Pass the deltas of a reply on to `emit`, each sort of text through a holder of its own.

    A complete call passes as it is: it is what runs.
    """

    def __init__(self, emit: Callable[[Delta], None], holder: Callable[[], Holder]) -> None:
        self._emit, self._holder = emit, holder
        self._text, self._thinking = holder(), holder()
        self._calls: dict[str, Holder] = {}

    def emit(self, delta: Delta) -> None:
        """Take a delta; pass on what of it may be shown."""
        if isinstance(delta, str):
            if text := self._text.feed(delta):
                self._emit(text)
        elif isinstance(delta, ThinkingDelta):
            if text := self._thinking.feed(delta.text):
                self._emit(delta if text == delta.text else replace(delta, text=text))
        elif isinstance(delta, ToolCallDelta):
            holder = self._calls.setdefault(delta.id, self._holder())
            text = holder.feed(delta.text)
            if text or delta.name or not delta.text:
                self._emit(delta if text == delta.text else replace(delta, text=text))
        else:
            self._emit(delta)

    def end(self) -> None:
        """Pass on what was held back. Not called for a reply that broke off: its end may be half a secret."""
        if text := self._text.flush():
            self._emit(text)
        if text := self._thinking.flush():
            self._emit(ThinkingDelta(text))
        for id, holder in self._calls.items():
            if text := holder.flush():
                self._emit(ToolCallDelta(id, text))
