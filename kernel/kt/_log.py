"""The log: what happened, in order. In memory by default; a `store` makes it lasting."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from .events import Logged

if TYPE_CHECKING:
    from ._agent import Agent


@runtime_checkable
class Log(Protocol):
    """Keep records in order.

    `append` is sync, never blocks and returns the record's sequence number; `durable` returns once everything
    appended so far would survive a crash, and raises StoreError where that can't be had: the turn then ends before
    its next effect. `open` comes before the agent's lifespans: a log that has a conversation gives it back to the
    agent here, with what its plugins saved. `close` is the end. A log with `lasting = False` has only `append`.
    """

    lasting: bool

    async def open(self, agent: "Agent") -> None: ...

    def append(self, record: Logged) -> int: ...

    async def durable(self) -> None: ...

    async def close(self) -> None: ...


class MemoryLog(Log):
    """Count the records and keep none: what an agent without a session has."""

    __slots__ = ("seq",)
    lasting = False

    def __init__(self) -> None:
        self.seq = 0

    def append(self, record: Logged) -> int:
        self.seq += 1
        return self.seq
