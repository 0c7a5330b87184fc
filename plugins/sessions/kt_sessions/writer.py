"""The thread that writes the sessions of a host: what waits is written together, one fsync for all of it."""

import asyncio
import errno
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeAlias, TypeVar

from kt.errors import KTError, StoreError

from .descriptors import spare
from .file import Op, SessionFile
from .schema import connect

T = TypeVar("T")
LINGER = 0.05
"""Seconds that an event waits for others where nobody waits for it."""
BATCH = 2000
MOST_OPEN = 256
"""Connections that stay open, about 140 KB each; a file that was not used for longest is opened again when it is."""
EACH = 3
"""Descriptors of a connection: the file, its -wal and -shm. The lock of an open session is one more, and stays."""
FREE = 64
"""Descriptors that connections leave to the rest of the process, as long as fewer of them will do."""
NEEDED = 16
"""Without so many left no further session is opened: those that are open must be able to go on."""
LOOK = 1.0
"""Seconds after which the descriptors are counted again, which takes as long as a commit where they are many."""
RAISE = "raise the limit: ulimit -n"

Call: TypeAlias = Callable[[sqlite3.Connection | None], Any]
Waiter: TypeAlias = "tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]"
Item: TypeAlias = "tuple[SessionFile, Op | Call | None, Waiter | None] | None"
Answer: TypeAlias = "tuple[asyncio.Future[Any], Any, BaseException | None]"


class Writer:
    """Write files in a thread of its own; `append` never blocks, `sync` and `call` are awaited."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Item] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._open: OrderedDict[SessionFile, sqlite3.Connection] = OrderedDict()
        self._most, self._looked = MOST_OPEN, -LOOK

    def append(self, file: SessionFile, op: Op) -> None:
        """Write an event or statement soon."""
        file.appended += 1
        self._queue.put((file, op, None))

    async def sync(self, file: SessionFile) -> None:
        """Return when everything appended to a file is on the disk. Raises StoreError; what waits is then kept."""
        if file.committed < file.appended:
            await self._ask(file, None)

    async def call(self, file: SessionFile, function: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `function(connection)` returns in the writer's thread, after everything appended before."""
        result: T = await self._ask(file, function)  # type: ignore[arg-type]
        return result

    async def open(self, file: SessionFile) -> None:
        """Open a file for writing. Raises what SessionFile.open raises."""

        def opened(_: sqlite3.Connection | None) -> None:
            self._looked = -LOOK
            self._make_room()
            if spare() < NEEDED:
                raise StoreError(
                    "too many files are open, so no further session can be kept", where=str(file.path), hint=RAISE
                )
            self._keep(file, file.open())

        await self._ask(file, opened)

    async def close(self, file: SessionFile) -> None:
        """Write what waits, note the clean end and close the file."""

        def close(connection: sqlite3.Connection | None) -> None:
            assert connection is not None
            self._open.pop(file, None)
            file.close(connection)

        await self._ask(file, close)

    def stop(self) -> None:
        """End the thread, once it has written what waits."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    async def _ask(self, file: SessionFile, what: Call | None) -> Any:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kt sessions", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.put((file, what, (loop, future)))
        return await future

    # The thread

    def _run(self) -> None:
        while True:
            items = self._gather()
            files: dict[SessionFile, list[tuple[Op | Call | None, Waiter | None]]] = {}
            for item in items:
                if item is not None:
                    files.setdefault(item[0], []).append(item[1:])
            answers: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
            for file, entries in files.items():
                self._serve(file, entries, answers)
            for loop, ready in answers.items():
                with suppress(RuntimeError):  # a loop that is closed waits for nothing
                    loop.call_soon_threadsafe(_answer, ready)
            if None in items:
                for connection in self._open.values():
                    connection.close()
                return

    def _gather(self) -> list[Item]:
        """Return what is to be written together: all that waits, and where nobody waits for it, what comes soon."""
        items = [self._queue.get()]
        until = monotonic() + LINGER
        hurry = items[0] is None or items[0][2] is not None
        while len(items) < BATCH:
            try:
                item = self._queue.get_nowait() if hurry else self._queue.get(timeout=max(0.0, until - monotonic()))
            except Empty:
                break
            items.append(item)
            hurry = hurry or item is None or item[2] is not None
        return items

    def _serve(
        self,
        file: SessionFile,
        entries: "list[tuple[Op | Call | None, Waiter | None]]",
        answers: "dict[asyncio.AbstractEventLoop, list[Answer]]",
    ) -> None:
        waiting: list[Waiter] = []

        def answer(waiters: list[Waiter], value: Any, error: BaseException | None) -> None:
            for loop, future in waiters:
                answers.setdefault(loop, []).append((future, value, error))
            waiters.clear()

        for what, waiter in entries:
            if callable(what):
                failed: BaseException | None = self._commit(file)
                answer(waiting, None, failed)
                value = None
                if failed is None or what.__name__ == "close":
                    value, failed = self._called(file, what)
                answer([waiter] if waiter else [], value, failed)
                continue
            if what is not None:
                file.backlog.append(what)
            if waiter is not None:
                waiting.append(waiter)
        answer(waiting, None, self._commit(file))

    def _commit(self, file: SessionFile) -> KTError | None:
        """Write the backlog of a file; where that fails it stays, and the next one to wait tries again."""
        if not file.backlog:
            return None
        try:
            file.commit(self._connection(file), file.backlog)
        except Exception as error:  # whatever it is, who waits must hear of it
            return error if isinstance(error, KTError) else _explained(file, error)
        file.backlog = []
        try:
            file.mark()
        except OSError as error:
            return _explained(file, error)
        return None

    def _called(self, file: SessionFile, what: Call) -> tuple[Any, BaseException | None]:
        try:
            return what(self._connection(file) if file.lock is not None else None), None
        except (sqlite3.Error, OSError) as error:
            return None, _explained(file, error)
        except BaseException as error:
            return None, error

    def _connection(self, file: SessionFile) -> sqlite3.Connection:
        if (connection := self._open.get(file)) is None:
            self._make_room()
            connection = connect(file.path)
        self._keep(file, connection)
        return connection

    def _make_room(self) -> None:
        """Close what was not used for longest, until one more connection fits."""
        if (now := monotonic()) - self._looked > LOOK:
            self._looked = now
            self._most = min(MOST_OPEN, len(self._open) + (spare() - FREE) // EACH)
        while self._open and len(self._open) >= self._most:
            self._open.popitem(last=False)[1].close()

    def _keep(self, file: SessionFile, connection: sqlite3.Connection) -> None:
        self._open[file] = connection
        self._open.move_to_end(file)


def _explained(file: SessionFile, error: Exception) -> StoreError:
    if getattr(error, "errno", None) == errno.EMFILE or (isinstance(error, sqlite3.Error) and spare() < EACH):
        return StoreError("too many files are open, so the session can't be kept", where=str(file.path), hint=RAISE)
    full = "full" in str(error) or getattr(error, "errno", None) == errno.ENOSPC
    return StoreError(
        "the disk is full, so the session can't be kept" if full else f"the session can't be written: {error}",
        where=str(file.path),
        hint="free some space and go on; what was confirmed is safe" if full else "",
    )


def _answer(ready: "list[Answer]") -> None:
    for future, value, error in ready:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)
