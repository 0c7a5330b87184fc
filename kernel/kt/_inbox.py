"""Input that waits: queued for a turn of its own, or steering the one that runs."""

from collections import deque
from typing import TYPE_CHECKING

from ._messages import Message, Part, user
from .errors import UsageError
from .events import InputQueued

if TYPE_CHECKING:
    from ._agent import Agent


class Pending:
    """One waiting input; it can be edited or withdrawn until the agent takes it."""

    __slots__ = ("_inbox", "id", "message", "source", "steer", "taken")

    def __init__(self, inbox: "Inbox", id: str, message: Message, source: str, *, steer: bool) -> None:
        self._inbox, self.id, self.message, self.source, self.steer = inbox, id, message, source, steer
        self.taken = False

    def edit(self, content: str | Part | list[Part]) -> None:
        """Replace the content. Raises UsageError once the input was taken."""
        self._still_there("edited")
        self.message = user(content)
        self._inbox.announce(self)

    def withdraw(self) -> None:
        """Take the input back. Raises UsageError once the input was taken."""
        self._still_there("withdrawn")
        self._inbox.take(self)
        self._inbox.announce(self, withdrawn=True)

    def _still_there(self, verb: str) -> None:
        if self.taken:
            raise UsageError(f"input {self.id} can't be {verb}: the agent has taken it")


class Inbox:
    """The inputs of one agent that no turn has taken yet, oldest first."""

    __slots__ = ("_agent", "_count", "items")

    def __init__(self, agent: "Agent") -> None:
        self._agent, self._count = agent, 0
        self.items: deque[Pending] = deque()

    def add(self, message: Message, *, source: str = "user", steer: bool = False) -> Pending:
        self._count += 1
        pending = Pending(self, f"i{self._count}", message, source, steer=steer)
        self.items.append(pending)
        self.announce(pending)
        self._agent.wake()
        return pending

    def announce(self, pending: Pending, *, withdrawn: bool = False) -> None:
        self._agent.bus.publish(InputQueued(pending.id, pending.message.text, pending.steer, withdrawn))

    def take(self, pending: Pending) -> Pending:
        """Take an input out of the queue; from now on it can't be edited."""
        self.items.remove(pending)
        pending.taken = True
        return pending

    def steering(self) -> list[Pending]:
        """Take what joins the running turn before its next model call."""
        steering = [p for p in self.items if p.steer]
        return [self.take(p) for p in steering]

    def next(self) -> Pending:
        """Take the oldest input for a turn of its own."""
        return self.take(self.items[0])
