"""A look at all files of a working folder: what is there, and what tells whether it changed."""

import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from .files import FILE, Stamp, folder_at, folders_above, stamp_of
from .ignore import Ignored

MAX_DEPTH = 200
MAX_RULES = 1_000_000
"""Bytes of a .gitignore file that are read."""
RECENT = 100_000_000
"""Nanoseconds within which two changes of a file may have the same time."""


@dataclass(slots=True)
class Scan:
    """The files and folders of a working folder without .git, links and what .gitignore files leave out.

    `unseen` are links, devices and folders that can't be read. `recent` are files that were changed just before, so
    that one more change may not show. `complete` says that the whole folder was looked at. `ignored` is to be used for
    the next look as well: what was left out stays left out, so that nothing that a program makes git see counts as made
    by it.
    """

    ignored: Ignored
    began: int = field(default_factory=time.time_ns)
    files: dict[str, Stamp] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    recent: set[str] = field(default_factory=set)
    complete: bool = True

    def lacked_folder(self, path: str) -> bool:
        """Tell whether no folder was at a path; False where that is not known."""
        return self.complete and path not in self.folders and self.unseen.isdisjoint((path, *folders_above(path)))

    def lacked_file(self, path: str, now: Stamp) -> bool:
        """Tell whether a file was made after this scan: none was at its path, nor was it moved from out of sight."""
        if not self.complete or path in self.files or not self.unseen.isdisjoint((path, *folders_above(path))):
            return False
        # Moving keeps the time of the last change, which then is older than this scan.
        return now.modified > self.began - RECENT or any(s.inode == now.inode for s in self.files.values())


def scan(root: Path, limit: int, *, skip: str = "", ignored: Ignored | None = None) -> Scan:
    """Look at up to `limit` files and folders beneath `root`; paths that begin with `skip` are left out."""
    found = Scan(ignored or Ignored())
    pending = [""]
    while pending and found.complete:
        here = pending.pop()
        names = here.split("/") if here else []
        if len(names) > MAX_DEPTH:
            found.complete = False
            break
        try:
            with folder_at(root, names) as folder:
                pending += _folder(found, folder, here, limit, skip)
        except OSError:
            found.unseen.add(here)
    return found


def _folder(found: Scan, folder: int, here: str, limit: int, skip: str) -> list[str]:
    """Take up what is in one folder; return the folders in it."""
    if not found.ignored.knows(here):
        found.ignored.learn(here, _rules(folder))
    inner: list[str] = []
    now = time.time_ns()
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            path = f"{here}/{entry.name}" if here else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name == ".git" or (skip and path.startswith(skip)) or found.ignored(path, is_folder):
                continue
            if len(found.files) + len(found.folders) + len(found.unseen) >= limit:
                found.complete = False
                break
            if is_folder:
                found.folders.add(path)
                inner.append(path)
            elif entry.is_file(follow_symlinks=False):
                _file(found, path, entry, now)
            else:
                found.unseen.add(path)
    return inner


def _file(found: Scan, path: str, entry: "os.DirEntry[str]", now: int) -> None:
    try:
        stamp = stamp_of(entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return
    found.files[path] = stamp
    if abs(now - stamp.changed) < RECENT:
        found.recent.add(path)


def _rules(folder: int) -> str:
    """Return the text of a folder's .gitignore, "" where there is none; like git, follow no link."""
    try:
        fd = os.open(".gitignore", os.O_RDONLY | FILE, dir_fd=folder)
    except OSError:
        return ""
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        return file.read(MAX_RULES).decode("utf-8-sig", "surrogateescape")
