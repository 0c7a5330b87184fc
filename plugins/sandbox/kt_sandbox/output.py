"""What a process prints: both ends of it in memory, all of it in a file where that is too much to show."""

import asyncio
import codecs
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

CHUNK = 65_536
MAX_SPILL = 100_000_000
WIDEST = 4  # bytes of a character in UTF-8


class Output:
    """Keep the first and the last half of `limit` characters; beyond that, spill everything to a file from `spill`.

    The file ends at 100 MB, whatever comes after. A limit of 0 keeps and spills nothing, for a caller that takes all
    through `listener`.
    """

    def __init__(self, limit: int, spill: Callable[[], Path], listener: Callable[[str], None] | None) -> None:
        self.size = 0
        self.path: Path | None = None
        self._limit, self._spill, self._listener = limit, spill, listener
        self._first, self._last = bytearray(), bytearray()
        self._file: BinaryIO | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> None:
        """Take what was read; b"" at the end."""
        self.size += len(data)
        if self._limit:
            self._keep(data)
        if self._listener is not None and (text := self._decoder.decode(data, final=not data)):
            self._listener(text)

    def _keep(self, data: bytes) -> None:
        free = self._limit * WIDEST - len(self._first)
        self._first += data[:free]
        if not (rest := data[free:]):
            return
        file = self._file or self._open()
        if self.size <= MAX_SPILL:
            file.write(rest)
        self._last += rest
        if len(self._last) > 2 * self._limit * WIDEST + CHUNK:
            del self._last[: -self._limit * WIDEST]

    def _open(self) -> BinaryIO:
        self.path = self._spill()
        self._file = self.path.open("wb")
        self._file.write(self._first)
        return self._file

    def text(self) -> str:
        """Close the file and return what is shown: everything, or both ends around a line that says so."""
        head = self._first.decode(errors="replace")
        if self._file is None and len(head) <= self._limit:
            return head
        (self._file or self._open()).close()
        half = self._limit // 2
        tail = (self._first + self._last)[-self._limit * WIDEST :].decode(errors="replace")
        end = f"; the file ends at {MAX_SPILL:,}" if self.size > MAX_SPILL else ""
        gap = f"[... the middle of {self.size:,} bytes is not shown{end} ...]"
        return f"{head[:half]}\n{gap}\n{tail[half - self._limit :]}"

    def discard(self) -> None:
        """Remove the file; nobody will hear of it."""
        if self._file is not None and self.path is not None:
            self._file.close()
            self.path.unlink(missing_ok=True)


class Pipe:
    """Feed what comes through a pipe to `take`, without a task; `ended` is set once nobody holds the other end.

    An exception from `take` closes the pipe and is kept in `error`.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.ended = asyncio.Event()
        self.error: Exception | None = None
        self._take, self._loop = take, asyncio.get_running_loop()
        self._fd, self.inlet = os.pipe()
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._ready)

    def _ready(self) -> None:
        try:
            data = os.read(self._fd, CHUNK)
            self._take(data)
        except BlockingIOError:
            return
        except Exception as error:
            self.error = error
            self.close()
        else:
            if not data:
                self.close()

    def close(self) -> None:
        """Stop reading; who still writes gets a broken pipe."""
        if not self.ended.is_set():
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self.ended.set()
