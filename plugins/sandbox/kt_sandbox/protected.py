"""What no grant opens: keys and our own folders are never seen; what git, we or a shell would run is never changed."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kt.errors import ConfigError

from .settings import SHELL_FILES, hidden_paths, home

IN_GIT = ("hooks", "config", "commondir", "config.worktree", "info/attributes")
IN_WORKTREE = ("commondir", "gitdir", "config.worktree")
SKIPPED = (".git", "node_modules", "__pycache__")
MAX_FOLDERS = 50_000
SYSTEM_FOLDERS = ("/", "/etc", "/usr", "/bin", "/lib", "/var", "/home", "/root", "/tmp")


def never_seen() -> tuple[Path, ...]:
    """Return the paths of keys, credentials and our own folders."""
    return tuple(p.resolve() if there(p) else p for p in hidden_paths())


def there(path: Path) -> bool:
    """Tell whether something is at a path; what we may not look at is nobody's to protect."""
    try:
        return path.exists()
    except PermissionError:
        return False


def check_folder(folder: Path, hidden: Iterable[Path]) -> None:
    """Raise ConfigError for a working folder that can't be walled in: one that holds keys, or the system's."""
    inside = next((h for h in hidden if h.is_relative_to(folder) or folder.is_relative_to(h)), None)
    if inside is not None or str(folder) in SYSTEM_FOLDERS:
        what = f"it holds {inside}" if inside is not None else "it is the system's"
        raise ConfigError(f"no creature can work in {folder}: {what}", hint="give a folder of its own: --cwd FOLDER")


@dataclass(frozen=True, slots=True)
class Repositories:
    """The repositories in a folder as they were before any tool ran: folders called .git, and files of that name.

    `whole` says that all of the folder was looked at.
    """

    folders: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    whole: bool = True


def repositories(folder: Path) -> Repositories:
    """Look for repositories in a folder, however deep; no links are followed."""
    folders: list[Path] = []
    files: list[Path] = []
    todo, seen = [str(folder)], 0
    while todo and seen < MAX_FOLDERS:
        seen += 1
        here = todo.pop()
        try:
            with os.scandir(here) as entries:
                kinds = [(e.name, e.is_dir(follow_symlinks=False), e.is_file(follow_symlinks=False)) for e in entries]
        except OSError:
            continue
        folders += [Path(here, name) for name, is_folder, _ in kinds if is_folder and name == ".git"]
        files += [Path(here, name) for name, _, is_file in kinds if is_file and name == ".git"]
        todo += [f"{here}/{name}" for name, is_folder, _ in kinds if is_folder and name not in SKIPPED]
    return Repositories(tuple(folders), tuple(files), not todo)


def never_changed(folder: Path, known: Repositories, more: Iterable[str]) -> tuple[Path, ...]:
    """Return the paths in a writable folder that nothing may change or make, given its repositories.

    A link that leads out of the folder is not followed: naming what it leads to would open that.
    """
    found = [folder / ".kt", folder / ".husky", *(folder / m for m in more), *known.files]
    found += [home() / name for name in SHELL_FILES if (home() / name).is_relative_to(folder)]
    for git in {folder / ".git", *known.folders} - set(known.files):
        found += [git / name for name in IN_GIT]
        found += [git / "modules"] if there(git / "modules") else []
        for linked in _folders(git / "worktrees"):
            found += [linked / name for name in IN_WORKTREE]
    return tuple(dict.fromkeys(p for p in (p.resolve() for p in found) if p.is_relative_to(folder)))


def _folders(path: Path) -> list[Path]:
    try:
        return [p for p in path.iterdir() if p.is_dir() and not p.is_symlink()]
    except OSError:
        return []


def make_room(known: Repositories) -> None:
    """Make the folder of hooks where a repository has none, as git does: what is not there can't be bound."""
    for git in known.folders:
        try:
            (git / "hooks").mkdir(exist_ok=True)
        except OSError:
            continue


def worktree(folder: Path) -> Path | None:
    """Return the repository that a linked worktree belongs to, if that repository says so too.

    Anybody can write a .git file that points anywhere. So what it points at must lie in the repository, outside the
    folder, where only git writes the way back.
    """
    pointer = folder / ".git"
    try:
        if not stat.S_ISREG(pointer.lstat().st_mode):
            return None
        gitdir = (folder / pointer.read_text(errors="replace").partition("gitdir:")[2].strip()).resolve()
        common = gitdir.parent.parent
        back = Path((gitdir / "gitdir").read_text().strip()).resolve()
    except (OSError, ValueError):
        return None
    within = gitdir.parent == common / "worktrees" and not gitdir.is_relative_to(folder)
    return common if within and back == pointer.resolve() and (common / "HEAD").is_file() else None
