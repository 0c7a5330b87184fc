"""A lock between processes: a file that one of them holds, waited for without blocking the event loop."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from kt.errors import ConfigError, ProviderDown

PATIENCE = 180.0
"""Seconds; longer than the process that holds the lock can take for its requests."""


@asynccontextmanager
async def locked(file: Path, *, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Hold the lock that `file` stands for; the file stays. It excludes other processes, and other tasks of this one.

    The lock ends with its process, however that ends. Raises ConfigError where the file can't be made, ProviderDown
    where another holds it for longer than `patience` seconds.
    """
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise ConfigError(f"the lock of the login can't be opened: {error.strerror}", where=str(file)) from error
    held = False
    try:
        end = monotonic() + patience
        while not (held := _take(handle)):
            if monotonic() > end:
                what = f"another process has held the login for {patience:g} s"
                raise ProviderDown(what, where=str(file), hint="end that process, or try again")
            await asyncio.sleep(random.uniform(0.02, 0.06))
        yield
    finally:
        if held:
            _release(handle)  # closing alone would not do it where a forked child has the handle too
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
