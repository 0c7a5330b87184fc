"""Stop a process whose working folder grows too much: looked at four times a second, so it can overshoot a little."""

import asyncio
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

EVERY = 0.25
MAX_FILES = 200_000
"""New files that one call may make."""
MIB = 1 << 20


class Watch:
    """Watch a folder while something runs; `stopped` says afterwards why that was ended, "" where it was not."""

    def __init__(self, folder: Path, limit_mb: int | None) -> None:
        self._folder, self._limit = folder, limit_mb
        self.stopped = ""

    async def until(self, work: Coroutine[Any, Any, object]) -> None:
        """Wait for `work`; return early, with `stopped` set, where the folder grew too much."""
        if self._limit is None:
            await work
            return
        before, began = _free(self._folder), time.time()
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=EVERY))[0]:
                now = _free(self._folder)
                if before[0] - now[0] > self._limit * MIB or before[1] - now[1] > MAX_FILES:
                    # Somebody else may have filled the disk: only what changed in the folder counts.
                    grown, files = await asyncio.to_thread(_changed, self._folder, began)
                    if grown > self._limit * MIB or files > MAX_FILES:
                        self.stopped = f"the working folder grew by {grown // MIB} MiB in {files} files"
                        return
                    before = now
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
        await task


def _free(folder: Path) -> tuple[int, int]:
    """Return free bytes and free file numbers of the file system."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_ffree


def _changed(folder: Path, since: float) -> tuple[int, int]:
    """Return the bytes and the number of the files that changed in a folder since a time."""
    size = files = 0
    todo = [str(folder)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    elif found.st_ctime >= since:
                        size += found.st_blocks * 512
                        files += 1
        except OSError:
            continue
    return size, files
