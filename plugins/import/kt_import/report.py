"""What became of each thing of a source: kept, changed or dropped, and where it stood."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kt.errors import nearest

if TYPE_CHECKING:
    from .section import Section

Kind: TypeAlias = Literal["kept", "changed", "dropped"]
Keys: TypeAlias = Sequence[str | int]

SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
MAX_FILES = 5_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of the source: its dotted key, its place "file:line:col", and what became of it.

    `to` is the path in the output, empty for what was dropped; an item of a list stands in it by its name.
    """

    kind: Kind
    key: str
    place: str
    text: str
    to: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"{self.kind} {self.key} at {self.place}: {self.text}"
        return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


class Report:
    """Collect the lines of one import; see `finish`.

    Every table of a source is a Section that registers here, so a key that no code looks at is found at the end.
    """

    def __init__(self, root: Path, *, known: Sequence[str] = ()) -> None:
        self.root, self.known = root, known
        self.source = root
        """The folder that links may not leave."""
        self.lines: list[Line] = []
        self.sections: list[Section] = []
        self.read: set[Path] = set()
        self.whole = True
        """Whether every file below the root is part of the source."""

    def add(self, kind: Kind, key: str, place: str, text: str, to: tuple[str, ...] = ()) -> None:
        self.lines.append(Line(kind, key, place, text, to))

    def reads(self, path: Path) -> None:
        """Note that a file of the source is accounted for."""
        self.read.add(path.resolve())

    def leads_out(self, path: Path) -> bool:
        """Tell whether a path leads out of the source by a link: what a stranger links to is not copied."""
        real = path.resolve()
        return real != Path(os.path.normpath(path.absolute())) and not real.is_relative_to(self.source.resolve())

    def finish(self) -> None:
        """Report as dropped every key that was not taken, and every file below the root that was not read."""
        for section in self.sections:
            for key, value in section.left.items():
                for inner in leaves(value):
                    keys = (*section.path(key), *inner)
                    close = nearest(str(key), self.known)
                    hint = f"; {close}" if close.startswith("did") else ""
                    why = f"an unknown key, which nothing here corresponds to{hint}"
                    self.add("dropped", dotted(keys), section.place(keys), why)
            section.left = {}
        for path, count in _unread(self.root, self.read) if self.whole else ():
            what = "a file that nothing read; look whether it is needed"
            many = f"{count} files that nothing read; look whether they are needed"
            self.add("dropped", path.relative_to(self.root).as_posix(), str(path), what if count == 1 else many)

    def count(self, kind: Kind) -> int:
        return sum(line.kind == kind for line in self.lines)


def dotted(keys: Keys) -> str:
    """Return a path of keys and indexes as one word."""
    return ".".join(map(str, keys))


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value in a value that holds no others; an empty table or list counts as one."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not items or not value:
        yield at
        return
    for key, inner in items:
        yield from leaves(inner, (*at, key))


def _unread(root: Path, read: set[Path]) -> Iterator[tuple[Path, int]]:
    """Yield the files below a folder that were not read; a folder of which nothing was read counts as one thing."""
    for path in sorted(root.iterdir()):
        if path.name in SKIPPED:
            continue
        if _is_one(path):
            if path.resolve() not in read:
                yield path, 1
        elif path.is_dir():
            if any(file.is_relative_to(path.resolve()) for file in read):
                yield from _unread(path, read)
            elif count := sum(map(_is_one, islice(path.rglob("*"), MAX_FILES))):
                yield path, count


def _is_one(path: Path) -> bool:
    return path.is_file() or path.is_symlink()
