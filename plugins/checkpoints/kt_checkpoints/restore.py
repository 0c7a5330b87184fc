"""Bring files back to what they were at the end of a turn."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from . import files
from .events import FilesChanged
from .files import MISSING, UNKNOWN
from .history import History, Session, content, history


@dataclass(slots=True)
class Restored:
    """What became of the files that a session changed after a turn, as paths in the working folder.

    `restored` have their content and mode of then again; `removed` were not there then. Left as they are: `conflicts`,
    which somebody else changed, `unknown`, of which no content is kept, and `failed`, with what the system said.
    `left` has the states of what was done: record `event` where the session goes on.
    """

    restored: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def event(self) -> FilesChanged:
        """Return what tells the session how the files are now."""
        return FilesChanged("", dict(self.left))


def restore(
    session: Session,
    *,
    after_turn: int,
    pwd: Path,
    stream: int | str | None = None,
    dry_run: bool = False,
    force: bool = False,
) -> Restored:
    """Bring the files below `pwd` that the session changed back to what they were at the end of turn `after_turn`.

    0 is before the first turn. `stream` names the agent whose turns count (None: the session's first); what its
    sub-agents changed goes with it. `dry_run` only tells what would be done; `force` overwrites conflicts. Raises
    NotFound for a turn or stream that the session has not.
    """
    known, work = history(session, after_turn, stream), _Work(pwd.resolve(), dry_run)
    wanted = _wanted(known, work, force=force)
    # What was made goes first: a file may have to stand where a folder is now.
    for path in [path for path, state in wanted.items() if state == MISSING]:
        work.remove(path)
    work.remove_folders(known.folders)
    for path, state in wanted.items():
        if state == MISSING:
            continue
        if (data := content(session, known, state)) is None:
            work.done.unknown.append(path)
        else:
            work.write(path, data, state)
    return work.done


def _wanted(known: History, work: "_Work", *, force: bool) -> dict[str, str]:
    """Return the files to be changed, by path, with the state they had; note those that can't or must not be."""
    wanted: dict[str, str] = {}
    for path, past in sorted(known.files.items()):
        if past.then in (None, UNKNOWN) or files.names_of(path) is None:
            work.done.unknown.append(path)
        elif (now := files.state_at(work.root, path)) == past.then:
            continue
        elif not force and (past.mixed or now == UNKNOWN or now != past.left):
            work.done.conflicts.append(path)
        else:
            wanted[path] = str(past.then)
    return wanted


class _Work:
    """Change files beneath a folder, unless only told, and note what was done or failed."""

    def __init__(self, root: Path, dry_run: bool) -> None:
        self.root, self.dry_run = root, dry_run
        self.done = Restored()

    def remove(self, path: str) -> None:
        if self._do(path, MISSING, partial(files.remove, self.root, path)):
            self.done.removed.append(path)

    def write(self, path: str, data: bytes, state: str) -> None:
        if self._do(path, state, partial(files.replace, self.root, path, data, files.mode_of(state))):
            self.done.restored.append(path)

    def remove_folders(self, folders: Iterable[str]) -> None:
        """Remove those that are empty, the innermost first."""
        for folder in sorted(folders, key=lambda f: f.count("/"), reverse=True):
            if not self.dry_run:
                files.remove_folder(self.root, folder)

    def _do(self, path: str, state: str, change: Callable[[], None]) -> bool:
        try:
            if not self.dry_run:
                change()
        except OSError as error:
            self.done.failed[path] = error.strerror or str(error)
            return False
        self.done.left[path] = state
        return True
