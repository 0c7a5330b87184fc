"""The parts of the machine that every program needs: the system's folders, and where toolchains live."""

import os
import shutil
import stat
import sys
from functools import cache
from pathlib import Path

from .settings import hidden_paths, home

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix")
TOOL_HOMES = (
    *(".pyenv", ".nvm", ".nodenv", ".rbenv", ".asdf", ".volta", ".bun", ".deno", ".sdkman", ".rustup"),
    *(".local/share/uv", ".local/share/mise", "miniconda3", "miniforge3", "anaconda3"),
)
"""Folders in a home that hold whole toolchains and nothing of their user."""
FALLBACK = "/usr/local/bin:/usr/bin:/bin"


def found(program: str) -> str | None:
    """Return the path of a program of the system, also where PATH is odd."""
    return shutil.which(program) or shutil.which(program, path=FALLBACK)


@cache
def toolchains() -> tuple[Path, ...]:
    """Return folders of programs outside the system's: this Python, and what PATH names."""
    named = [Path(sys.base_prefix), Path(sys.prefix), *(Path(p) for p in os.environ.get("PATH", "").split(":") if p)]
    wanted = {_whole(folder.resolve()) for folder in named if folder.is_absolute() and folder.is_dir()}
    if home() / ".cargo/bin" in wanted and (home() / ".rustup").is_dir():
        wanted.add(home() / ".rustup")
    out: list[Path] = []
    for folder in sorted(wanted, key=lambda f: len(f.parts)):
        inside = any(folder.is_relative_to(known) for known in (*map(Path, SYSTEM), *out))
        if not inside and not home().is_relative_to(folder):
            out.append(folder)
    return tuple(out)


def _whole(folder: Path) -> Path:
    """Return the toolchain that a folder of programs belongs to; itself where its parent may hold more."""
    for name in TOOL_HOMES:
        if folder.is_relative_to(home() / name):
            return home() / name
    parent = folder.parent
    shared = parent in (home(), home() / ".local", home() / ".cargo", Path("/"))
    keys = any(h.is_relative_to(parent) or parent.is_relative_to(h) for h in hidden_paths())
    return parent if folder.name == "bin" and not shared and not keys else folder


@cache
def root_only() -> tuple[Path, ...]:
    """Return what below /etc root owns and not everybody may read, where we are root: inside we are its owner too."""
    if os.geteuid() != 0:
        return ()
    out: list[Path] = []
    for here, folders, files in os.walk("/etc"):
        closed = [name for name in folders if not Path(here, name).lstat().st_mode & 0o005]
        folders[:] = [name for name in folders if name not in closed]
        out += [folder for name in closed if _may_hold_something(folder := Path(here, name))]
        for name in files:
            found = Path(here, name).lstat()
            if stat.S_ISREG(found.st_mode) and found.st_size and not (found.st_mode & 0o004 or found.st_uid):
                out.append(Path(here, name))
    return tuple(out)


def _may_hold_something(folder: Path) -> bool:
    """Tell whether a folder holds anything; root of a user namespace may not look into each one, and inside may be."""
    try:
        return any(folder.iterdir())
    except PermissionError:
        return True
