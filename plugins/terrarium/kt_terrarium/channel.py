"""Channels: named pipes between creatures, bounded, that never make a sender wait."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kt import Message, Text
from kt.errors import ConfigError

if TYPE_CHECKING:
    from kt import Pending

    from .post import Post

TYPES = ("broadcast", "queue")


@dataclass(slots=True, eq=False)
class Mailbox:
    """What one listener of a channel has not taken yet, oldest first; `lost` counts what it was too slow for
    since it read of that; `noted` is the message that says so.

    `prompt` is what it reads, with {source} and {content}, where it is not the message itself; `sender` is the only
    one it hears, "" for all.
    """

    prompt: str = ""
    sender: str = ""
    waiting: "deque[tuple[Post, Pending]]" = field(default_factory=deque)
    lost: int = 0
    noted: "Pending | None" = None

    def message(self, post: "Post") -> Message:
        """Return what the listener reads."""
        if not self.prompt:
            return post.message
        text = self.prompt.replace("{source}", post.sender).replace("{content}", post.text)
        return Message("user", [Text(text, origin=post.origins), *post.message.parts[1:]])

    def open(self) -> "deque[tuple[Post, Pending]]":
        """Return what is not taken yet."""
        waiting = self.waiting
        while waiting and waiting[0][1].taken:
            waiting.popleft()
        return waiting


@dataclass(slots=True, eq=False)
class Channel:
    """A named pipe.

    On a broadcast channel every listener gets every message once; on a queue each message goes to one of them, when
    it has nothing else to do. `capacity` bounds what waits: of a broadcast, for each listener, the oldest message
    gives way; of a queue, the sender is refused. `sent` counts the messages.
    """

    name: str
    type: str = "broadcast"
    description: str = ""
    capacity: int = 1000
    senders: dict[str, None] = field(default_factory=dict)
    listeners: dict[str, Mailbox] = field(default_factory=dict)
    backlog: "deque[Post]" = field(default_factory=deque)
    sent: int = 0

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ConfigError(
                f"a channel's type is broadcast or queue, not {self.type!r}", where=f"channel {self.name}"
            )
        if self.capacity < 1:
            raise ConfigError(f"the capacity {self.capacity} is not positive", where=f"channel {self.name}")

    @property
    def members(self) -> set[str]:
        return {*self.senders, *self.listeners}
