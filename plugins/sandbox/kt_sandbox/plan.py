"""What one process may reach, worked out anew for each: folders, protected paths, environment, hosts."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from .hosts import HostList
from .settings import SHELL_FILES, Limits, hidden_paths, home

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix")
ROOT_ONLY = ("shadow", "shadow-", "gshadow", "gshadow-", "sudoers", "sudoers.d", "ssl/private", "security/opasswd")
PASSED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "COLORTERM", "NO_COLOR", "SOURCE_DATE_EPOCH")
MAX_REPOSITORIES, MAX_FOLDERS, DEPTH = 50, 2_000, 4


@dataclass(slots=True, frozen=True)
class Plan:
    """What a process may reach. All paths are real and absolute; `cwd` lies in one of `reads` or `writes`.

    `fixed` paths are read but never changed, `hidden` ones are not there at all; `env` is the whole environment.
    """

    cwd: Path
    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    fixed: tuple[Path, ...]
    hidden: tuple[Path, ...]
    env: Mapping[str, str]
    hosts: HostList
    limits: Limits
    proxy: Path | None = None


def with_proxy(plan: Plan, socket: Path) -> Plan:
    """Return the plan with a way out."""
    return replace(plan, proxy=socket)


def environment(secrets: tuple[str, ...], extra: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a program: a few harmless variables, the granted secrets, and what the tool adds."""
    kept = {name: os.environ[name] for name in (*PASSED, *secrets) if name in os.environ}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **kept, "HOME": str(home()), **(extra or {})}


@cache
def toolchains() -> tuple[Path, ...]:
    """Return folders of programs outside the system's: this Python, and what PATH names, without the home folder."""
    found = [Path(sys.base_prefix), Path(sys.prefix), *(Path(p) for p in os.environ.get("PATH", "").split(":") if p)]
    out: list[Path] = []
    for folder in found:
        real = folder.resolve()
        if not real.is_dir() or real in (Path("/"), home()) or home().is_relative_to(real):
            continue
        if not any(real.is_relative_to(known) for known in (*map(Path, SYSTEM), *out)):
            out.append(real)
    return tuple(out)


def root_only() -> list[Path]:
    """Return files below /etc that only root may read, where we are root."""
    if os.geteuid() != 0:
        return []
    etc = Path("/etc")
    return [p for p in (*(etc / name for name in ROOT_ONLY), *etc.glob("ssh/ssh_host_*_key")) if p.exists()]


def never_seen() -> tuple[Path, ...]:
    return tuple(p.resolve() for p in hidden_paths() if there(p))


def there(path: Path) -> bool:
    """Tell whether something is at a path; what we may not look at is nobody's to protect."""
    try:
        return path.exists()
    except PermissionError:
        return False


def never_changed(folder: Path, more: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the paths in a writable folder that nothing may change: what git, we or a shell would run or obey.

    Some may not be there yet; file tools must not make them either.
    """
    found = [folder / ".kt", folder / ".husky", *(folder / m for m in more)]
    found += [home() / name for name in SHELL_FILES if (home() / name).is_relative_to(folder)]
    for git in {folder / ".git", *_repositories(folder)}:
        if not git.is_file():
            found += [git / name for name in ("hooks", "config", "config.worktree", "info/attributes", "modules")]
    return tuple(p.resolve() for p in found)


def git_folders(folder: Path) -> tuple[Path, ...]:
    """Return the .git folders in a folder; each must stay where it is, or the protection of what is in it is void."""
    return tuple(p.resolve() for p in _repositories(folder) if p.is_dir())


def worktree(folder: Path) -> Path | None:
    """Return the repository that a linked worktree belongs to, if that repository says so too."""
    pointer = folder / ".git"
    if not pointer.is_file():
        return None
    try:
        said = pointer.read_text(errors="replace").partition("gitdir:")[2].strip()
        gitdir = (folder / said).resolve()
        back = Path((gitdir / "gitdir").read_text().strip())
        common = (gitdir / (gitdir / "commondir").read_text().strip()).resolve()
    except OSError:
        return None
    # Anybody can write a .git file that points anywhere; only git writes the way back.
    return common if back.resolve() == pointer.resolve() and (common / "HEAD").is_file() else None


def _repositories(folder: Path) -> Iterator[Path]:
    """Yield the .git folders of a folder and of those below it, as far as is cheap to look."""
    seen = found = 0
    level = [folder]
    for _ in range(DEPTH):
        below: list[Path] = []
        for here in level:
            seen += 1
            if seen > MAX_FOLDERS or found >= MAX_REPOSITORIES:
                return
            try:
                with os.scandir(here) as entries:
                    folders = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
            except OSError:
                continue
            if ".git" in folders:
                found += 1
                yield here / ".git"
            below += [here / name for name in folders if name not in (".git", "node_modules", ".venv", "__pycache__")]
        level = below
