"""How far a download is, on stderr: one line redrawn on a terminal; elsewhere one at either end."""

import os
import sys
from time import monotonic

PATIENCE = 0.5
"""Seconds in which nothing is shown: what is that quick needs no bar."""
EVERY = 0.1
WIDTH = 20


class Bar:
    """Show how far a download is: `Bar("name")(done, total)` in bytes, then `end()`."""

    def __init__(self, label: str) -> None:
        self._label, self._done = label, 0
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._began = monotonic()
        self._next = self._began + PATIENCE
        self._first: int | None = None
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        self._first = done if self._first is None else self._first
        self._done, now = done, monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        figures = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        if self._live:
            rate = (done - self._first) / (now - self._began)
            left = f", {(total - done) / rate:,.0f} s left" if rate else ""
            line = f"{self._label} [{'#' * (WIDTH * done // total):<{WIDTH}}] {figures}{left}"
            _write(f"\r{line[: _columns() - 1]}\x1b[K")
        elif not self._shown:
            _write(f"{self._label}: {figures}\n")
        self._shown = True

    def end(self) -> None:
        """Erase the line; where it is no terminal, say how much is here."""
        if self._shown:
            _write("\r\x1b[K" if self._live else f"{self._label}: {self._done / 1e6:,.0f} MB are here\n")


def _columns() -> int:
    """Return how wide the terminal is; it may not know, or say 0."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
