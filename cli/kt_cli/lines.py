"""Lines of standard input as they come, without a thread that would keep the process from ending."""

import asyncio
import os
import select
import sys

from .prompts import MAX_BYTES, decoded


class Lines:
    """Hand each line to whoever asked last; who is cancelled takes none.

    A question that comes up while the conversation waits for its next line is thus answered first, and by a `fresh`
    line: what was typed before it was put was not meant for it, and is kept for the conversation.
    """

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._read, self._ended, self._kept = b"", False, b""
        self._waiting: list[asyncio.Future[bytes | None]] = []
        self._fresh: set[asyncio.Future[bytes | None]] = set()

    async def next(self, *, fresh: bool = False) -> str | None:
        """Return the next line; None at the end of input. Raises DataError for one that is no text."""
        loop = asyncio.get_running_loop()
        line: asyncio.Future[bytes | None] = loop.create_future()
        self._waiting.append(line)
        if fresh:
            self._fresh.add(line)
            self._keep()
        try:
            self._serve()
            if not line.done():
                self._listen(loop)
            found = await line
        finally:
            self._waiting.remove(line)
            self._fresh.discard(line)
            self._serve()
            if not self._waiting:
                loop.remove_reader(self._descriptor)
        return None if found is None else decoded(found, "standard input")

    def _keep(self) -> None:
        """Put aside the lines that are there already."""
        while select.select([self._descriptor], [], [], 0)[0] and (chunk := os.read(self._descriptor, 1 << 16)):
            self._read += chunk
        self._kept, self._read = self._kept + self._read, b""

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.add_reader(self._descriptor, self._more)
        except PermissionError:  # a file or null device, which is always ready
            while not self._waiting[-1].done():
                self._more()

    def _more(self) -> None:
        chunk = os.read(self._descriptor, 1 << 16)
        self._read += chunk
        self._ended = not chunk
        self._serve()

    def _serve(self) -> None:
        """Give the one who asked last a line, if there is one; a terminal's end of input ends one reading only.

        What grows past the largest prompt without an end of line is handed over as it is, to be refused.
        """
        if not self._waiting or self._waiting[-1].done():
            return
        if self._waiting[-1] not in self._fresh:
            self._read, self._kept = self._kept + self._read, b""
        if b"\n" in self._read:
            line, _, self._read = self._read.partition(b"\n")
            self._waiting[-1].set_result(line)
        elif self._ended or len(self._read) > MAX_BYTES:
            line, self._read, self._ended = self._read, b"", False
            self._waiting[-1].set_result(line or None)
