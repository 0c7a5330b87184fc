"""What no grant opens: keys and our own folders are never seen; what git, we or a shell would run is never changed."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .settings import SHELL_FILES, hidden_paths, home

IN_GIT = ("hooks", "config", "config.worktree", "info/attributes", "modules")
SKIPPED = (".git", "node_modules", ".venv", "__pycache__")
MAX_REPOSITORIES, MAX_FOLDERS, DEPTH = 50, 2_000, 4


def never_seen() -> tuple[Path, ...]:
    """Return the paths of keys, credentials and our own folders that are there."""
    return tuple(p.resolve() for p in hidden_paths() if there(p))


def there(path: Path) -> bool:
    """Tell whether something is at a path; what we may not look at is nobody's to protect."""
    try:
        return path.exists()
    except PermissionError:
        return False


def never_changed(folder: Path, gits: Sequence[Path], more: Iterable[str]) -> tuple[Path, ...]:
    """Return the paths in a writable folder that nothing may change, given its .git folders.

    Some may not be there yet: file tools must not make them either. A link that leads out of the folder is not
    followed: naming what it leads to would open that.
    """
    found = [folder / ".kt", folder / ".husky", *(folder / m for m in more)]
    found += [home() / name for name in SHELL_FILES if (home() / name).is_relative_to(folder)]
    for git in {folder / ".git", *gits}:
        if not git.is_file():
            found += [git / name for name in IN_GIT]
    return tuple(p for p in (p.resolve() for p in found) if p.is_relative_to(folder))


def git_folders(folder: Path) -> tuple[Path, ...]:
    """Return the .git folders of a folder and of those below it, as far as is cheap to look; no links.

    Each must stay where it is, or the protection of what is in it is void.
    """
    seen = 0
    found: list[Path] = []
    level = [str(folder)]
    for _ in range(DEPTH):
        below: list[str] = []
        for here in level:
            seen += 1
            if seen > MAX_FOLDERS or len(found) >= MAX_REPOSITORIES:
                return tuple(found)
            try:
                with os.scandir(here) as entries:
                    folders = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
            except OSError:
                continue
            if ".git" in folders:
                found.append(Path(here, ".git"))
            below += [f"{here}/{name}" for name in folders if name not in SKIPPED]
        level = below
    return tuple(found)


def worktree(folder: Path) -> Path | None:
    """Return the repository that a linked worktree belongs to, if that repository says so too.

    Anybody can write a .git file that points anywhere. So what it points at must lie in the repository, outside the
    folder, where only git writes the way back.
    """
    pointer = folder / ".git"
    if pointer.is_symlink() or not pointer.is_file():
        return None
    try:
        gitdir = (folder / pointer.read_text(errors="replace").partition("gitdir:")[2].strip()).resolve()
        common = gitdir.parent.parent
        back = Path((gitdir / "gitdir").read_text().strip()).resolve()
    except (OSError, ValueError):
        return None
    within = gitdir.parent == common / "worktrees" and not gitdir.is_relative_to(folder)
    return common if within and back == pointer.resolve() and (common / "HEAD").is_file() else None
