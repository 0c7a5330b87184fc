"""A task's own folder, which somebody else may have made: what may be in it, and a copy of that."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from kt.errors import DataError

GIT = ".git"


def is_git(name: str) -> bool:
    """Tell whether git looks for its settings in what has this name, on some file system."""
    return name.casefold() == GIT


def fault(source: Path) -> str:
    """Return what is in a folder that can't be copied, "" for nothing: a link that leaves it, or no plain file."""
    root = os.path.realpath(source)
    for path in _entries(source):
        name, mode = path.relative_to(source).as_posix(), path.lstat().st_mode
        if stat.S_ISLNK(mode):
            if _leaves(path, source, root):
                return f"the link {name!r} leads out of the folder"
        elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            return f"{name!r} is neither a file nor a folder"
    return ""


def copy(source: Path, folder: Path) -> None:
    """Copy a folder but for what belongs to git, whose settings could name programs. Raises DataError."""
    if what := fault(source):
        raise DataError(what, where=str(source))
    try:
        shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True, ignore=_of_git)
    except OSError as error:
        raise DataError(f"it can't be copied: {error}", where=str(source)) from error
    # A link may lead another way where it is now.
    if what := fault(folder):
        raise DataError(what, where=str(source))


def _of_git(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if is_git(name)]


def _entries(folder: Path) -> Iterator[Path]:
    """Yield all that is below a folder, without following links, but for what belongs to git."""
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_git(name)]
        yield from (Path(here, name) for name in (*folders, *files) if not is_git(name))


def _leaves(link: Path, source: Path, root: str) -> bool:
    """Tell whether a link leads out of a folder, or names a place that another one has after it was copied."""
    to = link.readlink()
    said = Path(os.path.normpath(link.parent.relative_to(source) / to))
    return to.is_absolute() or said.parts[:1] == ("..",) or not Path(os.path.realpath(link)).is_relative_to(root)
