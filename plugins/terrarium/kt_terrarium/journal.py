"""Where the events of a graph are kept: in the session file of one of its creatures, or only counted."""

from pathlib import Path
from typing import Protocol

from kt import Host
from kt.events import Logged

from .state import JournalEntry


class Journal(Protocol):
    """What the store `journal` makes of a path: a stream of events that belongs to no creature."""

    lasting: bool

    async def open(self, host: Host) -> list[JournalEntry]: ...
    def append(self, record: Logged) -> int: ...
    async def durable(self) -> None: ...
    async def close(self) -> None: ...


class GraphLog:
    """Number the events of a graph; once it is open, keep them in the file `path`."""

    __slots__ = ("_journal", "path", "seq")

    def __init__(self) -> None:
        self.path: Path | None = None
        self.seq = 0
        self._journal: Journal | None = None

    @property
    def lasting(self) -> bool:
        return self._journal is not None

    async def open(self, host: Host, path: Path) -> list[JournalEntry]:
        """Keep what comes from now on in a file; return what it has already. Raises what the store raises."""
        journal: Journal = host.registry.get("store", "journal")(path)
        held = await journal.open(host)
        self._journal, self.path = journal, path
        return held

    def append(self, record: Logged) -> int:
        self.seq = self.seq + 1 if self._journal is None else self._journal.append(record)
        return self.seq

    async def durable(self) -> None:
        if self._journal is not None:
            await self._journal.durable()

    async def close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                await journal.durable()
            finally:
                await journal.close()
