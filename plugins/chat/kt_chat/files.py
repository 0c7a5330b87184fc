"""The files of a working folder, for completion: what git would not ignore, or all but hidden ones."""

import os
import subprocess
from pathlib import Path

MOST = 20_000
PATIENCE = 2.0
"""Seconds for git to answer."""


def files_of(folder: Path) -> list[str]:
    """Return paths relative to a folder, the shortest first; at most 20,000."""
    found = _by_git(folder)
    return sorted(_by_walk(folder) if found is None else found, key=lambda p: (p.count("/"), p))[:MOST]


def _by_git(folder: Path) -> list[str] | None:
    # A repository's own settings may name a program as its fsmonitor.
    words = ["git", "-C", str(folder), "-c", "core.fsmonitor=false"]
    words += ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    names = done.stdout.decode("utf-8", "replace").split("\0")
    return [name for name in names if name and (folder / name).is_file()]


def _by_walk(folder: Path) -> list[str]:
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("node_modules", "__pycache__"))
        here = Path(place).relative_to(folder)
        found += [str(here / name) for name in sorted(names) if not name.startswith(".")]
        if len(found) >= MOST:
            break
    return found


def matching(files: list[str], typed: str, most: int = 30) -> list[str]:
    """Return the files whose path holds what was typed, letter for letter first, then with its letters in order."""
    low = typed.lower()
    inside = [f for f in files if low in f.lower()]
    inside.sort(key=lambda f: (not Path(f).name.lower().startswith(low), len(f)))
    if len(inside) < most and low:
        inside += [f for f in files if low not in f.lower() and _in_order(low, f.lower())]
    return inside[:most]


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)
