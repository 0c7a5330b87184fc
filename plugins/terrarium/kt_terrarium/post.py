"""A message between creatures on its way: what it says, where it goes, what led to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kt import Message, Part, Text

from .events import MessageSent


@dataclass(slots=True, eq=False)
class Post:
    """One message. `id` is unique in the engine, `channel` "" for a wire; `hops` counts what led to it."""

    id: str
    channel: str
    sender: str
    text: str
    to: list[str]
    media: Sequence[Part] = ()
    origins: str = ""
    hops: int = 0
    turn: int = 0
    call: str = ""
    heading: str | None = None
    seq: int = 0
    _message: Message | None = field(default=None, init=False)

    @property
    def source(self) -> str:
        """Return what a turn that it starts has as its source."""
        return f"channel:{self.channel}#{self.id}" if self.channel else f"wire:{self.sender}#{self.id}"

    @property
    def message(self) -> Message:
        """Return what every listener reads; its parts carry what tainted the sender."""
        if self._message is None:
            heading = self.heading
            if heading is None:
                heading = f"[#{self.channel}] {self.sender}: " if self.channel else f"[{self.sender}] "
            parts: list[Part] = [Text(heading + self.text, origin=self.origins)]
            parts += [replace(part, origin=self.origins) for part in self.media]
            self._message = Message("user", parts)
        return self._message

    @property
    def event(self) -> MessageSent:
        """Return the event that tells of it."""
        return MessageSent(
            self.id, self.channel, self.sender, self.text, self.to, list(self.media),
            self.origins, self.hops, self.turn, self.call,
        )  # fmt: skip


def post_of(body: dict[str, Any]) -> Post:
    """Return the message that a journal's `message_sent` tells of, without its media."""
    names = ("id", "channel", "sender", "text", "to", "origins", "hops", "turn", "call")
    return Post(**{name: body[name] for name in names if name in body})


def id_of(source: str) -> str:
    """Return the id of the message that a turn's source names, "" where it names none."""
    return source.rpartition("#")[2] if source.startswith(("channel:", "wire:")) else ""
