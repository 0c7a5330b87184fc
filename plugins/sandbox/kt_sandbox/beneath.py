"""Reach paths in a folder that a program may be changing: name by name, by descriptors, never through a link."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OPEN = os.O_PATH | os.O_CLOEXEC


def open_beneath(base: Path, path: Path) -> int | None:
    """Return a descriptor of a path, opened name by name from `base`; None where it is not there, or a link."""
    fd = -1
    try:
        fd = os.open(base, OPEN)
        for name in path.relative_to(base).parts:
            inner = os.open(name, OPEN | os.O_NOFOLLOW, dir_fd=fd)
            os.close(fd)
            fd = inner
            if stat.S_ISLNK(os.fstat(fd).st_mode):
                raise OSError("a link")
        return fd
    except OSError:
        if fd >= 0:
            os.close(fd)
        return None


def innermost(path: Path, folders: Iterable[Path]) -> Path | None:
    """Return the innermost of the folders that a path lies in."""
    return max((f for f in folders if path.is_relative_to(f)), key=lambda f: len(f.parts), default=None)


@dataclass(frozen=True, slots=True)
class Absent:
    """A path in a folder at which nothing was, not even a link."""

    base: Path
    path: Path

    def move_aside(self) -> str:
        """Move away what is there now; return a remark, "" where still nothing is."""
        folder = open_beneath(self.base, self.path.parent)
        if folder is None:
            return ""
        try:
            if not _there(self.path.name, folder):
                return ""
            aside, number = f"{self.path.name}.from-a-tool", 1
            while _there(aside, folder):
                number += 1
                aside = f"{self.path.name}.from-a-tool-{number}"
            os.rename(self.path.name, aside, src_dir_fd=folder, dst_dir_fd=folder)
            return f"{self.path.name} was moved to {aside}: no tool may make it"
        finally:
            os.close(folder)


def absent(paths: Iterable[Path], folders: Iterable[Path]) -> list[Absent]:
    """Return the paths at which nothing is, with the folder that each lies in."""
    folders = tuple(folders)
    found = ((innermost(path, folders), path) for path in paths)
    return [Absent(base, path) for base, path in found if base is not None and not _at(base, path)]


def _at(base: Path, path: Path) -> bool:
    folder = open_beneath(base, path.parent)
    if folder is None:
        return False
    try:
        return _there(path.name, folder)
    finally:
        os.close(folder)


def _there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True
