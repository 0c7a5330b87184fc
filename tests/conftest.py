"""Fixtures every test may use."""

import asyncio
import os
import select
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """Give up root's rights for a test, in a folder that everybody may use; nothing changes for a plain user."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="kt-test-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)


class Watch:
    """Wait for a process that writes its id into the pipe called pid, and for the end of processes."""

    def __init__(self, folder: Path) -> None:
        os.mkfifo(folder / "pid")
        self.pipe = os.open(folder / "pid", os.O_RDWR)

    async def born(self) -> int:
        return int(await asyncio.to_thread(os.read, self.pipe, 100))

    async def ended(self, pid: int) -> bool:
        """Return whether a process is at its end within ten seconds."""
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            readable, _, _ = await asyncio.to_thread(select.select, [fd], [], [], 10)
            return bool(readable)
        finally:
            os.close(fd)

    def lives(self, pid: int) -> bool:
        """Tell whether a process is there and has not ended, waiting to be collected."""
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        try:
            return not select.select([fd], [], [], 0)[0]
        finally:
            os.close(fd)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    watching = Watch(tmp_path)
    yield watching
    os.close(watching.pipe)
