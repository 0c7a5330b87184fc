"""How far a fetch is, on stderr: one line redrawn on a terminal; elsewhere a line when it starts, one when it ends."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

PATIENCE = 0.5
"""Seconds in which nothing is shown: what is that quick needs no bar."""
EVERY = 0.1
WIDTH = 20

_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def silent(wanted: bool = True) -> Iterator[None]:
    """Show no bar within, as under --json; with `wanted=False` change nothing."""
    token = _SILENT.set(wanted or _SILENT.get())
    try:
        yield
    finally:
        _SILENT.reset(token)


class Bar:
    """Show how far a fetch is while it is entered; `total` is in bytes, None where nobody knows it."""

    def __init__(self, label: str, total: int | None) -> None:
        self._label = "".join(c if c.isprintable() else "?" for c in label)
        self._total, self._done = total, 0
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._began = monotonic()
        self._next = self._began + PATIENCE
        self._shown = False

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            _write("\r\x1b[K" if self._live else f"{self._label}: {_megabytes(self._done)} MB came\n")

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks, and show how much has come."""
        for chunk in chunks:
            self._done += len(chunk)
            self._tell()
            yield chunk

    def _tell(self) -> None:
        now = monotonic()
        if now < self._next or _SILENT.get():
            return
        self._next = now + EVERY
        if self._live:
            _write(f"\r{self._line(now - self._began)[: _columns() - 1]}\x1b[K")
        elif not self._shown:
            _write(f"{self._label}: {self._figures()}\n")
        self._shown = True

    def _line(self, seconds: float) -> str:
        if not self._total:
            return f"{self._label} {self._figures()}"
        done = min(self._done, self._total)
        left = (self._total - done) * seconds / max(done, 1)
        return f"{self._label} [{'#' * (WIDTH * done // self._total):<{WIDTH}}] {self._figures()}, {left:,.0f} s left"

    def _figures(self) -> str:
        of = f" of {_megabytes(self._total)}" if self._total else ""
        return f"{_megabytes(self._done)}{of} MB"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"


def _columns() -> int:
    """Return how wide the terminal is; it may not know, or say 0."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
