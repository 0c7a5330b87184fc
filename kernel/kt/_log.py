"""The log: what happened, in order. In memory by default; a `store` makes it lasting."""

from typing import Protocol, runtime_checkable

from .events import Logged


@runtime_checkable
class Log(Protocol):
    """Keep records in order.

    `append` is sync, never blocks and returns the record's sequence number; `durable` returns once everything
    appended so far would survive a crash, and raises StoreError where that can't be had: the turn then ends before
    its next effect. A log with `lasting = False` is never awaited.

    A lasting log may also have `add(message)`, called with each message that joins the conversation;
    `async open(agent)`, which comes before the agent's lifespans and gives it back the conversation that the log has;
    and `async close()`.
    """

    lasting: bool

    def append(self, record: Logged) -> int: ...

    async def durable(self) -> None: ...


class MemoryLog:
    """Count the records and keep none: what an agent without a session has."""

    __slots__ = ("seq",)
    lasting = False

    def __init__(self) -> None:
        self.seq = 0

    def append(self, record: Logged) -> int:
        self.seq += 1
        return self.seq

    async def durable(self) -> None:
        return None
