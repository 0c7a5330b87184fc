"""The files of one skill: read and listed beneath its folder, whatever links stand there."""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from kt.errors import KTError, NotFound, Vetoed

MAX_SEEN = 1_000
"""Files of a skill that are looked at for its list."""


def read_bytes(folder: Path, inner: str, limit: int) -> bytes:
    """Return the first `limit` bytes of a regular file in `folder`, a real path.

    Raises Vetoed for a path that leads out of it or is hidden, NotFound, and KTError for what can't be read as a file.
    """
    try:
        real = (folder / inner).resolve()
        if not real.is_relative_to(folder):
            raise Vetoed(f"{inner!r} leads out of the skill's folder")
        parts = real.relative_to(folder).parts
        if any(part.startswith(".") for part in parts):
            raise Vetoed(f"{inner!r} is hidden, so it is no file of the skill")
        return _read(folder, parts, limit)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no file {inner!r}", where=str(folder)) from error
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise KTError(f"{inner!r} can't be read: {why}", where=str(folder)) from error


def _read(folder: Path, parts: tuple[str, ...], limit: int) -> bytes:
    """Open name by name without following links, so that one swapped in meanwhile leads nowhere."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(folder, flags)
    try:
        for name in parts:
            inner = os.open(name, flags, dir_fd=fd)
            os.close(fd)
            fd = inner
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise KTError(f"{'/'.join(parts) or '.'!r} is no file", where=str(folder))
        with os.fdopen(os.dup(fd), "rb") as file:
            return file.read(limit)
    finally:
        os.close(fd)


def files_of(folder: Path) -> list[str]:
    """Return the paths of a skill's files beside SKILL.md, sorted, the first 1,000; no hidden ones, no links out."""
    return sorted(islice((path for path in _walk(folder) if path != "SKILL.md"), MAX_SEEN))


def _walk(folder: Path) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        for name in sorted(names):
            path = Path(here, name)
            if not name.startswith(".") and _inside(path, folder):
                yield path.relative_to(folder).as_posix()


def _inside(path: Path, folder: Path) -> bool:
    """Tell whether a path is a regular file in the folder, its links resolved."""
    try:
        return path.is_file() and path.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):
        return False
