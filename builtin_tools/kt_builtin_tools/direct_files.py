"""Files beneath the working folder, reached by descriptors so that a link swapped in meanwhile leads nowhere."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from kt import FileInfo
from kt.errors import DataError, KTError, NotFound, Vetoed

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class DirectFiles:
    """Read and write beneath `root`, with the rights of this process.

    A path is relative to the root, absolute, or begins with ~/. Links are resolved first and the result must lie
    beneath the root; then every step is opened without following links. Raises Vetoed for a path outside, NotFound,
    and KTError for what the system refuses.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def relative(self, path: str) -> str:
        """Return the path beneath the root with links resolved and / between names; "." is the root itself."""
        return "/".join(self._parts(path)) or "."

    def read(self, path: str, *, limit: int | None = None) -> bytes:
        """Return the first `limit` bytes of a regular file, or all."""
        with _told(path), self._parent(path) as (folder, name):
            _regular(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
            with os.fdopen(os.open(name, os.O_RDONLY | FILE, dir_fd=folder), "rb") as file:
                _regular(path, os.fstat(file.fileno()))
                return file.read(-1 if limit is None else limit)

    def write(self, path: str, data: bytes) -> None:
        """Replace a file in one step, or create it and the folders above; an old file's mode and owner stay."""
        with _told(path), self._parent(path, make=True) as (folder, name):
            old = _writable(path, folder, name)
            draft = f".kt-{token_hex(8)}.tmp"
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE, 0o666, dir_fd=folder)
            try:
                with os.fdopen(fd, "wb") as file:
                    if old is not None:
                        _dress(fd, old)
                    file.write(data)
                os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                os.unlink(draft, dir_fd=folder)
                raise

    def info(self, path: str) -> FileInfo | None:
        """Return what is known of a path, None where nothing is there."""
        parts = self._parts(path)
        try:
            with _told(path), self._folder(parts[:-1]) as folder:
                found = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False) if parts else os.fstat(folder)
        except NotFound:
            return None
        return _info("/".join(parts) or ".", found)

    def listing(self, path: str) -> list[FileInfo]:
        """Return folders, regular files and links in a folder; a link is no folder, wherever it leads."""
        parts = self._parts(path)
        with _told(path), self._folder(parts) as folder, os.scandir(folder) as entries:
            found = [(e.name, e.stat(follow_symlinks=False)) for e in entries]
        kept = stat.S_ISDIR, stat.S_ISREG, stat.S_ISLNK
        return [_info("/".join((*parts, name)), s) for name, s in found if any(is_kind(s.st_mode) for is_kind in kept)]

    def _parts(self, path: str) -> tuple[str, ...]:
        """Return the names from the root down to a path, links resolved. Raises Vetoed for one outside."""
        try:
            given = Path(path).expanduser() if path.startswith("~/") else Path(path)
            real = (self.root / given).resolve()
        except ValueError as error:
            raise DataError(f"{path!r} is no path: {error}") from error
        except RuntimeError as error:
            raise KTError(f"{path!r} has links that lead in a circle, or a home folder that is unknown") from error
        if not real.is_relative_to(self.root):
            raise Vetoed(f"{path!r} is outside the working folder")
        return real.relative_to(self.root).parts

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        parts = self._parts(path)
        if not parts:
            raise KTError(f"{path!r} is a folder")
        with self._folder(parts[:-1], make=make) as folder:
            yield folder, parts[-1]

    @contextmanager
    def _folder(self, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """Yield the descriptor of a folder beneath the root, reached name by name; `make` creates what is missing."""
        fd = os.open(self.root, FOLDER)
        try:
            for name in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=fd)
                inner = os.open(name, FOLDER, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)


def _info(path: str, found: os.stat_result) -> FileInfo:
    return FileInfo(path, stat.S_ISDIR(found.st_mode), found.st_size, found.st_mtime_ns)


def _regular(path: str, found: os.stat_result) -> None:
    """Raise KTError for what is no regular file: reading a pipe or a device may never end."""
    if stat.S_ISDIR(found.st_mode):
        raise KTError(f"{path!r} is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise KTError(f"{path!r} is no regular file")


def _writable(path: str, folder: int, name: str) -> os.stat_result | None:
    """Return the state of the file to be replaced, None for a new one. Raises where it may not be written."""
    try:
        _regular(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return None
    fd = os.open(name, os.O_WRONLY | FILE, dir_fd=folder)
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def _dress(fd: int, old: os.stat_result) -> None:
    """Give a new file the owner and the mode of the one it replaces."""
    new = os.fstat(fd)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        # Only root may give files away; anybody else goes on owning what they wrote.
        with suppress(PermissionError):
            os.fchown(fd, old.st_uid, old.st_gid)
    os.fchmod(fd, stat.S_IMODE(old.st_mode) & 0o777)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn what the system says into our errors, naming the path as it was given."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"{path!r} does not exist") from error
    except NotADirectoryError as error:
        raise NotFound(f"{path!r} does not exist: a name on the way is no folder") from error
    except PermissionError as error:
        raise KTError(f"{path!r}: permission denied") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Vetoed(f"{path!r} became a link while it was opened") from error
        raise KTError(f"{path!r}: {error.strerror}") from error
