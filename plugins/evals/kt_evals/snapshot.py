"""What is in a task's folder, looked at without following a link out of it, however fast it changes."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from kt.errors import DataError

IGNORED = (".git", ".kt", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules")
"""What programs leave behind by themselves: no change of the task's files."""
MAX_READ = 10_000_000
"""Bytes of a file that a check reads."""
MAX_SIZE = 1_000_000_000
"""Bytes of a file that is compared."""

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return what tells each file's content by its path, and where each link leads, without what programs leave.

    Raises DataError for a file that is too large to be compared.
    """
    found: dict[str, bytes] = {}
    for here, folders, names, at in os.fwalk(folder):
        inner = Path(here).relative_to(folder)
        folders[:] = [name for name in folders if name not in IGNORED]
        for name in (*names, *folders):
            path = (inner / name).as_posix()
            if (told := _told(name, at, path)) is not None:
                found[path] = told
    return found


def _told(name: str, at: int, path: str) -> bytes | None:
    """Return what tells the content of a file or where a link leads; None for what is neither, or gone."""
    try:
        mode = os.lstat(name, dir_fd=at).st_mode
        if stat.S_ISLNK(mode):
            return b"-> " + os.fsencode(os.readlink(name, dir_fd=at))
        if not stat.S_ISREG(mode):
            return None
        with _plain(name, at) as file:
            if os.fstat(file.fileno()).st_size > MAX_SIZE:
                raise DataError(f"{path!r} is too large to be compared")
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        return None


def changed(before: Mapping[str, bytes], now: Mapping[str, bytes], path: str) -> list[str]:
    """Return the files at or below a path that are new, gone or other than before, sorted; "." is all of them."""
    inside = "" if path in (".", "./") else path.rstrip("/")
    names = {name for name in (*before, *now) if not inside or name == inside or name.startswith(f"{inside}/")}
    return sorted(name for name in names if before.get(name) != now.get(name))


def is_below(path: Path, folder: Path) -> bool:
    """Tell whether a path is below a folder, all links resolved."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def text_of(folder: Path, name: str) -> str | None:
    """Return the text of a file; None where there is none in the folder, links resolved."""
    root, real = os.path.realpath(folder), os.path.realpath(folder / name)
    if not Path(real).is_relative_to(root):
        return None
    at = os.open(root, _FOLDER)
    try:
        *folders, last = Path(real).relative_to(root).parts or (".",)
        for each in folders:
            at, above = os.open(each, _FOLDER, dir_fd=at), at
            os.close(above)
        with _plain(last, at) as file:
            return file.read(MAX_READ).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    finally:
        os.close(at)


@contextmanager
def _plain(name: str, at: int) -> Iterator[BufferedReader]:
    """Yield a file of the folder `at`, open. Raises IsADirectoryError for what is none, OSError for a link."""
    with open(os.open(name, _FILE, dir_fd=at), "rb") as file:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise IsADirectoryError(name)
        yield file
