"""The AGENTS.md chain: the user's own, then from the repository's root down to the working folder."""

import re
from pathlib import Path

NAMES = ("AGENTS.override.md", "AGENTS.md", "CLAUDE.md")
CAP = 32 * 1024
READ = 4 * CAP
_IMPORT = re.compile(r"^@(\S+)\s*$", re.MULTILINE)


def read_chain(pwd: Path, home: Path | None = None) -> list[tuple[str, str]]:
    """Return (file name, text) from the most general to the nearest, 32 KiB in all: the nearest are kept whole first.

    In each folder the first of AGENTS.override.md, AGENTS.md and CLAUDE.md counts. A line `@path` is replaced by that
    file if it lies beneath the root.
    """
    root = repository_root(pwd)
    folders = [*([home] if home else []), *reversed([f for f in (pwd, *pwd.parents) if f.is_relative_to(root)])]
    found: list[tuple[str, str]] = []
    for folder in folders:
        file = next((folder / name for name in NAMES if (folder / name).is_file()), None)
        if file is not None and (text := _expanded(file, home if folder == home and home else root, (), [READ])):
            found.append((_shown(file, root), text))
    return _capped(found)


def repository_root(pwd: Path) -> Path:
    """Return the nearest folder from `pwd` upwards that holds .git; `pwd` itself where there is none."""
    return next((f for f in (pwd, *pwd.parents) if (f / ".git").exists()), pwd)


def _shown(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else file.name


def _expanded(file: Path, root: Path, seen: tuple[Path, ...], left: list[int]) -> str:
    """Return a file's text with its imports, each file once on the way down; unreadable ones are named in place.

    `left` is how much may still be read, so that imports of imports can't multiply.
    """
    real = file.resolve()
    if real in seen or len(seen) > 5 or not real.is_relative_to(root.resolve()):
        return ""
    if left[0] <= 0:
        return f"[{file.name} is left out: there are too many imports]"
    try:
        with real.open("rb") as stream:
            text = stream.read(CAP + 1).decode("utf-8", "replace")
    except OSError as error:
        return f"[{file.name} can't be read: {error.strerror}]"
    left[0] -= len(text)
    return _IMPORT.sub(lambda m: _expanded(file.parent / m[1], root, (*seen, real), left), text).strip()


def _capped(files: list[tuple[str, str]]) -> list[tuple[str, str]]:
    left, kept = CAP, []
    for name, text in reversed(files):
        data = text.encode()
        if len(data) > left:
            text = (
                data[:left].decode("utf-8", "ignore") + f"\n[cut: {name} goes on, 32 KiB of instructions is the limit]"
            )
        left = max(0, left - len(data))
        kept.append((name, text))
        if not left:
            break
    return kept[::-1]
