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
WIDTH = 30

_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def silent(wanted: bool = True) -> Iterator[None]:
    """Show no bar within, as under --json; with `wanted=False` change nothing."""
    token = _SILENT.set(wanted or _SILENT.get())
    try:
        yield
    finally:
        _SILENT.reset(token)


def watched(chunks: Iterable[bytes], label: str, total: int | None) -> Iterator[bytes]:
    """Yield the chunks, and show how many bytes of `total` have come; None: nobody knows how many there will be."""
    bar, done = Bar(label), 0
    try:
        for chunk in chunks:
            done += len(chunk)
            bar(done, total)
            yield chunk
    finally:
        bar.end()


class Bar:
    """Show how far a fetch is: `Bar("name")(done, total)` in bytes, then `end()`."""

    def __init__(self, label: str) -> None:
        self._label = "".join(c if c.isprintable() else "?" for c in label)
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._began = monotonic()
        self._next = self._began + PATIENCE
        self._shown = ""

    def __call__(self, done: int, total: int | None) -> None:
        now = monotonic()
        if now < self._next or _SILENT.get():
            return
        self._next = now + EVERY
        figures = _figures(done, total, now - self._began)
        if self._live:
            bar = f" [{'#' * (WIDTH * min(done, total) // total):<{WIDTH}}]" if total else ""
            _write(f"\r{f'{self._label}{bar} {figures}'[: _columns() - 1]}\x1b[K")
        elif not self._shown:
            _write(f"{self._label}: {figures}\n")
        self._shown = f"{self._label}: {done / 1e6:,.1f} MB"

    def end(self) -> None:
        """Erase the line; where it is no terminal, say what came."""
        if self._shown:
            _write("\r\x1b[K" if self._live else f"{self._shown}\n")


def _figures(done: int, total: int | None, seconds: float) -> str:
    """Return like "3.1 of 12.0 MB, 4 s left"."""
    if not total:
        return f"{done / 1e6:,.1f} MB"
    left = f", {(total - done) * seconds / done:,.0f} s left" if 0 < done < total else ""
    return f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB{left}"


def _columns() -> int:
    """Return how wide the terminal is; it may have none, or say 0."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
