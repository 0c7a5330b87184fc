"""Which files were opened to load a creature: its own, those of its bases, and what their prompts include."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_files: ContextVar[list[Path] | None] = ContextVar("files", default=None)


@contextmanager
def recorded() -> Iterator[list[Path]]:
    """Yield a list that gets the path of each file of a creature that is opened within."""
    files: list[Path] = []
    token = _files.set(files)
    try:
        yield files
    finally:
        _files.reset(token)


def note(path: Path) -> None:
    """Say that a file is opened."""
    if (files := _files.get()) is not None:
        files.append(path)
