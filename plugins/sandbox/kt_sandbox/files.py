"""Files beneath the working folder, reached by descriptors so that a link swapped in meanwhile leads nowhere."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from secrets import token_hex

from kt import FileInfo
from kt.errors import DataError, KTError, NotFound, Vetoed

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True, frozen=True)
class Reach:
    """What the files of one call lie beneath; all paths are real and absolute.

    `reads` and `writes` are folders or files; `fixed` paths are never changed and `hidden` ones never seen, wherever
    they lie. Files of `asked` patterns are written only where `opened` names them.
    """

    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    fixed: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    asked: tuple[str, ...] = ()
    opened: tuple[Path, ...] = ()


class WorkFiles:
    """Read and write files as `reach` allows, with the rights of this process.

    A path is relative to the root, absolute, or begins with ~/. Links are resolved first and the result must be within
    reach; then every step is opened without following links. Raises Vetoed for a path out of reach, NotFound, and
    KTError for what the system refuses.
    """

    def __init__(self, root: Path, reach: Reach | None = None) -> None:
        self.root = root.resolve()
        self.reach = reach or Reach((self.root,), (self.root,))

    def relative(self, path: str) -> str:
        """Return the path beneath the root with links resolved and / between names; an absolute one elsewhere."""
        real = self._real(path)
        self._base(path, real, self.reach.reads)
        return real.relative_to(self.root).as_posix() if real.is_relative_to(self.root) else real.as_posix()

    def read(self, path: str, *, limit: int | None = None) -> bytes:
        """Return the first `limit` bytes of a regular file, or all."""
        with _told(path), self._parent(path, self.reach.reads) as (folder, name):
            _regular(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
            with os.fdopen(os.open(name, os.O_RDONLY | FILE, dir_fd=folder), "rb") as file:
                _regular(path, os.fstat(file.fileno()))
                return file.read(-1 if limit is None else limit)

    def write(self, path: str, data: bytes) -> None:
        """Replace a file in one step, or create it and the folders above; an old file's mode and owner stay."""
        with _told(path), self._parent(path, self.reach.writes, make=True) as (folder, name):
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

    def remove(self, path: str) -> None:
        """Remove a regular file."""
        with _told(path), self._parent(path, self.reach.writes) as (folder, name):
            _regular(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
            os.unlink(name, dir_fd=folder)

    def info(self, path: str) -> FileInfo | None:
        """Return what is known of a path, None where nothing is there."""
        try:
            base, parts = self._base(path, self._real(path), self.reach.reads)
            with _told(path), _folder(base, parts[:-1]) as folder:
                found = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False) if parts else os.fstat(folder)
        except NotFound:
            return None
        return _info(self.relative(path), found)

    def listing(self, path: str) -> list[FileInfo]:
        """Return folders, regular files and links in a folder; a link is no folder, wherever it leads."""
        base, parts = self._base(path, self._real(path), self.reach.reads)
        here = self.relative(path)
        with _told(path), _folder(base, parts) as folder, os.scandir(folder) as entries:
            found = [(e.name, e.stat(follow_symlinks=False)) for e in entries]
        kept = stat.S_ISDIR, stat.S_ISREG, stat.S_ISLNK
        start = "" if here == "." else f"{here.rstrip('/')}/"
        return [_info(start + name, s) for name, s in found if any(is_kind(s.st_mode) for is_kind in kept)]

    def _real(self, path: str) -> Path:
        """Return the absolute path with links resolved."""
        try:
            given = Path(path).expanduser() if path.startswith("~/") else Path(path)
            return (self.root / given).resolve()
        except ValueError as error:
            raise DataError(f"{path!r} is no path: {error}") from error
        except RuntimeError as error:
            raise KTError(f"{path!r} has links that lead in a circle, or a home folder that is unknown") from error

    def _base(self, path: str, real: Path, within: Sequence[Path]) -> tuple[Path, tuple[str, ...]]:
        """Return the folder in reach that a real path lies in, and the names from there. Raises Vetoed for others."""
        reach = self.reach
        if any(real.is_relative_to(p) for p in reach.hidden):
            raise Vetoed(f"{path!r} is protected: no tool may see it")
        base = next((p for p in within if real.is_relative_to(p)), None)
        if base is None and within is reach.writes and any(real.is_relative_to(p) for p in reach.reads):
            raise Vetoed(f"{path!r} may only be read by this tool")
        if base is None:
            raise Vetoed(f"{path!r} is outside the working folder")
        if within is reach.writes and any(real.is_relative_to(p) or p.is_relative_to(real) for p in reach.fixed):
            raise Vetoed(f"{path!r} is protected: no tool may change it")
        if within is reach.writes and real not in reach.opened and matches(real, reach.asked):
            raise Vetoed(f"{path!r} runs by itself: changing it needs a yes of the user", hint="use write or edit")
        start = self.root if real.is_relative_to(self.root) else base if base.is_dir() else base.parent
        return start, real.relative_to(start).parts

    @contextmanager
    def _parent(self, path: str, within: Sequence[Path], *, make: bool = False) -> Iterator[tuple[int, str]]:
        base, parts = self._base(path, self._real(path), within)
        if not parts:
            raise KTError(f"{path!r} is a folder")
        with _folder(base, parts[:-1], make=make) as folder:
            yield folder, parts[-1]


def matches(path: Path, patterns: Sequence[str]) -> bool:
    """Tell whether the end of a path fits one of the patterns, in whatever folder."""
    return any(fnmatchcase(path.as_posix(), f"*/{pattern}") for pattern in patterns)


@contextmanager
def _folder(base: Path, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """Yield the descriptor of a folder beneath `base`, reached name by name; `make` creates what is missing."""
    fd = os.open(base, FOLDER)
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
