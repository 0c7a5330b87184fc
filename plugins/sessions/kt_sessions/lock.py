"""One writer a session: the lock, and beside it the mark of the last event that was made durable.

Both live in `NAME.ktlog-head`, which is there only while a session is open or after a crash. The mark is outside of
SQLite's own files, so that a lost or cut -wal file does not go unseen.
"""

import os
from pathlib import Path

from .errors import SessionLocked

WIDTH = 128


def head_file(path: Path) -> Path:
    """Return the file of lock and mark."""
    return path.with_name(path.name + "-head")


def read_head(path: Path) -> tuple[int, bytes] | None:
    """Return (id, digest) of the last event that was made durable, None where no such mark was left."""
    try:
        words = head_file(path).read_bytes().split()
        return int(words[0]), bytes.fromhex(words[1].decode())
    except (OSError, IndexError, ValueError):
        return None


class SessionLock:
    """The right to write a session, held until `release`. Raises SessionLocked where another process has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = self._take(head_file(path))
        self.left = read_head(path)
        """The mark that a crash left, None after a clean end."""

    def _take(self, file: Path) -> int:
        import fcntl

        while True:
            fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                owner = self._owner(fd)
                os.close(fd)
                raise SessionLocked(
                    f"session {self.path.name!r} is being written{owner}",
                    hint="wait for it to end, fork it (kt sessions fork), or only read it",
                ) from None
            if _same(fd, file):
                return fd
            os.close(fd)  # it was removed between opening and locking: take the new one

    @staticmethod
    def _owner(fd: int) -> str:
        words = os.pread(fd, WIDTH, 0).split()
        return f" by process {words[2].decode()}" if len(words) > 2 else ""

    def mark(self, last: int, digest: bytes) -> None:
        """Note the last event that is durable."""
        os.pwrite(self._fd, f"{last} {digest.hex()} {os.getpid()}".encode().ljust(WIDTH), 0)

    def sync(self) -> None:
        """Make the mark itself durable."""
        os.fsync(self._fd)

    def release(self, *, clean: bool) -> None:
        """Let others write; after a clean end nothing is left."""
        if clean:
            head_file(self.path).unlink(missing_ok=True)
        os.close(self._fd)


def _same(fd: int, file: Path) -> bool:
    try:
        there = file.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(fd)
    return (ours.st_ino, ours.st_dev) == (there.st_ino, there.st_dev)
