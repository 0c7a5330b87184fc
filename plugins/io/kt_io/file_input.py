"""The input file: a turn for each line of a file, or for all of it; with `follow` also for what is added later."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from kt import Agent
from kt.errors import ConfigError, DataError, NotFound

from .feeding import feeding
from .lines import MAX_TEXT, Lines, text_of
from .settings import Settings, checked, path_below

CHUNK = 65_536
WHERE = "input file"


@dataclass(slots=True, kw_only=True)
class FileInputSettings(Settings):
    """`path` is below the working folder unless it is absolute; `interval` is in seconds.

    `backlog` says that with `follow` the lines that are there at start are turns, too.
    """

    path: str
    format: Literal["lines", "whole"] = "lines"
    follow: bool = False
    backlog: bool = False
    interval: float = 1.0
    prefix: str = ""


@asynccontextmanager
async def file(agent: Agent, **settings: Any) -> AsyncIterator[None]:
    """Make turns of a file while the agent runs; what it says has the origin "file".

    Raises NotFound for a file that is not there, unless it is followed, and ConfigError for what is no file.
    """
    given = checked(agent, FileInputSettings, settings, WHERE)
    if given.follow and given.format == "whole":
        raise ConfigError("only lines can be followed", where=WHERE, hint="format: lines")
    if given.interval <= 0:
        raise ConfigError("interval is more than 0 seconds", where=WHERE)
    path = path_below(agent, given.path)
    reader = Reader(path)
    there = reader.open()
    if not there and not given.follow:
        raise NotFound(f"no file {str(path)!r}", where=WHERE, hint="set follow, to wait for it")
    if given.follow and not given.backlog:
        reader.skip()
    texts = followed(agent, reader, given.interval) if given.follow else read(reader, given.format)
    try:
        async with feeding(agent, "file", texts, prefix=given.prefix, origin="file"):
            yield
    finally:
        reader.close()


class Reader:
    """Read a file in pieces, and know when another one has taken its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        # A thread may still read when the agent stops, and a closed descriptor's number is soon another file's.
        self._lock = Lock()

    def open(self) -> bool:
        """Open the file that has the name now, at its start; return False where there is none."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConfigError(f"can't read {str(self._path)!r}: {error.strerror}", where=WHERE) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise ConfigError(f"{str(self._path)!r} is no regular file", where=WHERE)
        self.close()
        self._fd = fd
        return True

    def close(self) -> None:
        """Close the file, if one is open."""
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)

    def skip(self) -> None:
        """Go to the end of the file."""
        if self._fd >= 0:
            os.lseek(self._fd, 0, os.SEEK_END)

    def piece(self) -> bytes:
        """Return the next bytes, b"" where there are none now."""
        with self._lock:
            return b"" if self._fd < 0 else os.read(self._fd, CHUNK)

    def replaced(self) -> bool:
        """Tell whether the name is that of another text now: of a new file, or of the old one, emptied."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        if self._fd < 0:
            return True
        mine = os.fstat(self._fd)
        another = (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino)
        return another or mine.st_size < os.lseek(self._fd, 0, os.SEEK_CUR)


async def read(reader: Reader, format: str) -> AsyncGenerator[str, None]:
    """Yield the lines of a file, or all of it as one text of at most 16 MiB. Raises DataError for more."""
    found, all_of_it = Lines(), bytearray()
    while data := await asyncio.to_thread(reader.piece):
        if format == "lines":
            for line in found.feed(data):
                yield line
        else:
            all_of_it += data
        if len(all_of_it) > MAX_TEXT:
            raise DataError(f"the file is longer than {MAX_TEXT} bytes", hint="format: lines")
    yield found.rest() if format == "lines" else text_of(bytes(all_of_it))


async def followed(agent: Agent, reader: Reader, interval: float) -> AsyncGenerator[str, None]:
    """Yield the lines of a file as they are added, for ever; a line counts once its newline is there.

    What a file had without a newline is yielded when another file takes its name.
    """
    found = Lines()
    while True:
        replaced = reader.replaced()
        # What was added to the old file before it lost its name is read to its end first.
        while data := await asyncio.to_thread(reader.piece):
            for line in found.feed(data):
                yield line
        if replaced:
            yield found.rest()
            reader.open()
        else:
            await agent.host.clock.sleep(interval)
