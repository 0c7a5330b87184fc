"""What is in the watched folders, and what changed between two looks."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kt.errors import DataError

_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__")
SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".tox", ".nox", *_CACHES))
"""Folders that nobody writes by hand, wherever they are."""
MOST_FILES = 20_000

Look = dict[str, tuple[int, int, int]]
"""The files by path below the working folder: time of change in nanoseconds, size, inode."""


@dataclass(frozen=True, slots=True)
class Changes:
    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Look, now: Look) -> "Changes":
        """Return what is different now."""
        return cls(
            tuple(sorted(now.keys() - before.keys())),
            tuple(sorted(path for path in now.keys() & before.keys() if now[path] != before[path])),
            tuple(sorted(before.keys() - now.keys())),
        )

    def __bool__(self) -> bool:
        return bool(self.created or self.changed or self.deleted)

    def lines(self) -> list[str]:
        """Return a line for each file, like "changed src/a.py"; odd characters of names are escaped."""
        kinds = {"created": self.created, "changed": self.changed, "deleted": self.deleted}
        return [f"{kind} {_shown(path)}" for kind, paths in kinds.items() for path in paths]


def _shown(path: str) -> str:
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def scan(folder: Path, patterns: Iterable[tuple[str, re.Pattern[str]]]) -> Look:
    """Return the files below a folder that match; links are files, and are not followed.

    Raises DataError for more than MOST_FILES.
    """
    found: Look = {}
    for base, pattern in patterns:
        for path, entry in _files(folder, base):
            if path not in found and pattern.fullmatch(path):
                try:
                    info = entry.lstat() if isinstance(entry, Path) else entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # it is gone already
                found[path] = info.st_mtime_ns, info.st_size, info.st_ino
                if len(found) > MOST_FILES:
                    raise DataError(f"paths: more than {MOST_FILES} files match", hint="watch fewer of them")
    return found


def _files(folder: Path, base: str) -> "Iterator[tuple[str, os.DirEntry[str] | Path]]":
    """Yield the files at or below `base`, with their paths relative to the folder."""
    start = folder / base
    if start.resolve() != start.absolute():
        return  # a link leads elsewhere
    if start.is_file():
        yield base, start
        return
    pending, cut = [start], len(str(folder)) + 1
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        yield entry.path[cut:].replace(os.sep, "/"), entry
                    elif entry.name not in SKIPPED:
                        pending.append(Path(entry.path))
        except OSError:
            continue  # it is gone, or not ours to read
