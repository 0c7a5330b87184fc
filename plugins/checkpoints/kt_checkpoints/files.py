"""Files beneath a folder, reached name by name and never through a link."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from secrets import token_hex

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CHUNK = 1 << 20
MISSING, UNKNOWN = "", "?"
"""The states of no file, and of one that was not read: too large, not readable, no regular file."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes with a file's content or mode, as far as the system tells without reading it."""

    changed: int
    modified: int
    size: int
    inode: int
    mode: int


@dataclass(frozen=True, slots=True)
class Look:
    """A file as it was found: its state, its stamp (None: nothing was there), its content where the state says it."""

    state: str
    stamp: Stamp | None = None
    data: bytes | None = None
    mode: int = 0


def state_of(data: bytes, mode: int) -> str:
    """Return the state of a file with this content and mode."""
    return _state(blake2b(data, digest_size=16).hexdigest(), mode)


def _state(digest: str, mode: int) -> str:
    return f"{stat.S_IMODE(mode) & 0o777:03o}-{digest}"


def mode_of(state: str) -> int:
    """Return the mode of a file of a known state."""
    return int(state.partition("-")[0], 8)


def stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)


def names_of(path: str) -> tuple[str, ...] | None:
    """Return the names on the way to a relative path; None for one that is no path beneath a folder."""
    names = path.split("/")
    return None if "\0" in path or any(name in ("", ".", "..") for name in names) else tuple(names)


def look(root: Path, path: str, limit: int) -> Look:
    """Return a file beneath `root` with its content; its state is UNKNOWN where it has more than `limit` bytes."""
    try:
        with _opened(root, path) as (fd, found):
            if fd is None or found.st_size > limit:
                return Look(UNKNOWN, stamp_of(found))
            with os.fdopen(fd, "rb", closefd=False) as file:
                data = file.read(limit + 1)
            if len(data) > limit:
                return Look(UNKNOWN, stamp_of(found))
            mode = stat.S_IMODE(found.st_mode) & 0o777
            return Look(state_of(data, mode), stamp_of(found), data, mode)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return Look(MISSING)
    except OSError:
        return Look(UNKNOWN, _stamp_at(root, path))


def state_at(root: Path, path: str) -> str:
    """Return the state of a file beneath `root`, however large it is."""
    try:
        with _opened(root, path) as (fd, found):
            if fd is None:
                return UNKNOWN
            digest = blake2b(digest_size=16)
            while chunk := os.read(fd, CHUNK):
                digest.update(chunk)
            return _state(digest.hexdigest(), found.st_mode)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return MISSING
    except OSError:
        return UNKNOWN


@contextmanager
def _opened(root: Path, path: str) -> Iterator[tuple[int | None, os.stat_result]]:
    """Yield the descriptor of a regular file, None for another kind. Raises IsADirectoryError for a folder."""
    with parent(root, path) as (folder, name):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(path)
        if not stat.S_ISREG(found.st_mode):
            yield None, found
            return
        fd = os.open(name, os.O_RDONLY | FILE, dir_fd=folder)
        try:
            found = os.fstat(fd)
            yield (fd if stat.S_ISREG(found.st_mode) else None), found
        finally:
            os.close(fd)


def _stamp_at(root: Path, path: str) -> Stamp | None:
    try:
        with parent(root, path) as (folder, name):
            return stamp_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except OSError:
        return None


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; one that no file system can have is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def folders_above(path: str) -> list[str]:
    """Return the folders above a relative path, outermost first."""
    return [str(folder) for folder in PurePosixPath(path).parents][-2::-1]


def replace(root: Path, path: str, data: bytes, mode: int) -> None:
    """Put a file in its place in one step, with the folders above it; who owned what was there owns it."""
    with parent(root, path, make=True) as (folder, name):
        draft = f".kt-{token_hex(8)}.tmp"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE, 0o600, dir_fd=folder)
        try:
            with os.fdopen(fd, "wb") as file:
                # Only root may give files away, and a file that is not there has no owner.
                with suppress(PermissionError, FileNotFoundError):
                    old = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    os.fchown(fd, old.st_uid, old.st_gid)
                os.fchmod(fd, mode & 0o777)
                file.write(data)
            os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(draft, dir_fd=folder)
            raise


def remove(root: Path, path: str) -> None:
    """Remove a file, or the link that stands at its path."""
    with parent(root, path) as (folder, name):
        os.unlink(name, dir_fd=folder)


def remove_folder(root: Path, path: str) -> None:
    """Remove a folder if it is there and empty."""
    with suppress(OSError), parent(root, path) as (folder, name):
        os.rmdir(name, dir_fd=folder)


@contextmanager
def parent(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the descriptor of a path's folder and its last name. Raises FileNotFoundError for what is no path."""
    names = names_of(path)
    if names is None:
        raise FileNotFoundError(path)
    with folder_at(root, names[:-1], make=make) as fd:
        yield fd, names[-1]


@contextmanager
def folder_at(root: Path, names: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """Yield the descriptor of a folder beneath `root`; `make` creates what is missing of it."""
    fd = os.open(root, FOLDER)
    try:
        for name in names:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=fd)
            inner = os.open(name, FOLDER, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)
