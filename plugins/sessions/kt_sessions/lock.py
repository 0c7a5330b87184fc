"""One writer a session: the lock, and beside it the mark of the last event that was made durable.

Both live in `NAME.ktlog-head`, which is there only while a session is open or after a crash. The mark is outside of
SQLite's own files, so that a lost or cut -wal file does not go unseen.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import SessionLocked

WIDTH = 192
"""Bytes of the mark; the number of the process that writes comes after it."""


@dataclass(slots=True, frozen=True)
class Mark:
    """The last event that is durable, 0 for none, with its digest; `uid` is that of the session."""

    last: int
    digest: bytes
    uid: str


def head_file(path: Path) -> Path:
    """Return the file of lock and mark; `path` must be resolved, so that no link leads to another one."""
    return path.with_name(path.name + "-head")


def read_head(path: Path) -> Mark | None:
    """Return the mark that a writer left or just writes, None where there is none."""
    try:
        last, digest, uid = head_file(path).read_bytes()[:WIDTH].decode("ascii").split()
        return Mark(int(last), bytes.fromhex(digest.strip("-")), uid)
    except (OSError, ValueError):
        return None


class SessionLock:
    """The right to write a session, held until `release`.

    Raises SessionLocked where another process has it, and for a file with several names: who opens it by another one
    would not see the lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.stat().st_nlink > 1:
            raise SessionLocked(
                "the session has several names (hard links), so nobody can tell who else writes it",
                where=str(path),
                hint="copy it, and use the copy",
            )
        self._file = head_file(path)
        self._identity = (0, 0)
        self._fd = self._take()
        self.left = read_head(path)
        """The mark that a crash left, None after a clean end."""
        os.pwrite(self._fd, f"{os.getpid():<16}".encode(), WIDTH)

    def _take(self) -> int:
        import fcntl

        while True:
            fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                owner = os.pread(fd, 16, WIDTH).decode("ascii", "replace").strip()
                os.close(fd)
                raise SessionLocked(
                    f"session {self.path.name!r} is being written{owner and f' by process {owner}'}",
                    hint="wait for it to end, fork it (kt sessions fork), or only read it",
                ) from None
            taken = os.fstat(fd)
            self._identity = taken.st_ino, taken.st_dev
            if self._is_ours():
                return fd
            os.close(fd)  # it was removed between opening and locking: take the new one

    def _is_ours(self) -> bool:
        try:
            there = self._file.stat()
        except FileNotFoundError:
            return False
        return (there.st_ino, there.st_dev) == self._identity

    def check(self) -> None:
        """Raise SessionLocked where somebody removed the lock, so that another process may write as well."""
        if not self._is_ours():
            raise SessionLocked(f"the lock of session {self.path.name!r} was removed while it was being written")

    def mark(self, last: int, digest: bytes, uid: str) -> None:
        """Note the last event that is durable."""
        os.pwrite(self._fd, f"{last} {digest.hex() or '-'} {uid}".encode().ljust(WIDTH), 0)

    def sync(self) -> None:
        """Make the mark itself durable."""
        os.fsync(self._fd)

    def release(self, *, clean: bool) -> None:
        """Let others write; after a clean end nothing is left."""
        if clean and self._is_ours():
            with suppress(FileNotFoundError):
                self._file.unlink()
        os.close(self._fd)
