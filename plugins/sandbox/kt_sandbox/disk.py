"""Stop a process whose folders grow too much: looked at four times a second, so it can overshoot a little."""

import asyncio
import os
import time
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

EVERY = 0.25
MAX_FILES = 200_000
"""New files that one call may make."""
MIB = 1 << 20


class Watch:
    """Watch folders while something runs; `stopped` says afterwards why that was ended, "" where it was not.

    What grew in the folders counts; files without a name do not show there, so twice the limit missing from the disk
    is enough, whoever took it.
    """

    def __init__(self, folders: Sequence[Path], limit_mb: int | None) -> None:
        self._folders, self._limit = folders, limit_mb
        self.stopped = ""

    async def until(self, work: Coroutine[Any, Any, object]) -> None:
        """Wait for `work`; return early, with `stopped` set, where too much was taken."""
        if self._limit is None or not self._folders:
            await work
            return
        before, began, limit = _free(self._folders), time.time(), self._limit * MIB
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=EVERY))[0]:
                now = _free(before)
                taken = max((before[f][0] - free for f, (free, _) in now.items()), default=0)
                named = max((before[f][1] - free for f, (_, free) in now.items()), default=0)
                if taken <= limit and named <= MAX_FILES:
                    continue
                grown, files = await asyncio.to_thread(_changed, self._folders, began)
                if grown > limit or files > MAX_FILES or taken > 2 * limit:
                    self.stopped = f"its folders grew by {max(grown, taken) // MIB} MiB in {files} files"
                    return
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
        await task


def _free(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Return free bytes and free file numbers of the file system of each folder that is still there."""
    out = {}
    for folder in folders:
        with suppress(FileNotFoundError):
            found = os.statvfs(folder)
            out[folder] = (found.f_bavail * found.f_frsize, found.f_ffree)
    return out


def _changed(folders: Sequence[Path], since: float) -> tuple[int, int]:
    """Return the bytes and the number of the files that changed in folders since a time."""
    size = files = 0
    todo = [str(folder) for folder in folders]
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
