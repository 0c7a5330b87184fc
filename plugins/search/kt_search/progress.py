"""How many sessions were searched, on stderr: one line redrawn on a terminal; elsewhere one at either end."""

import os
import sys
from time import monotonic

PATIENCE = 0.5
"""Seconds in which nothing is shown: what is that quick needs no bar."""
EVERY = 0.1
WIDTH = 20


class Bar:
    """Show how many sessions were searched while it is entered: call it with (done, total)."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._next = monotonic() + PATIENCE
        self._shown = ""

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            _write("\r\x1b[K" if self._live else f"{self._shown}\n")

    def __call__(self, done: int, total: int) -> None:
        now = monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        text = f"searching: {done} of {total} sessions"
        if self._live:
            line = f"[{'#' * (WIDTH * done // total):<{WIDTH}}] {text}"
            _write(f"\r{line[: _columns() - 1]}\x1b[K")
        elif not self._shown:
            _write(f"{text}\n")
        self._shown = f"searched: {total} sessions"


def _columns() -> int:
    """Return how wide the terminal is; it may not know, or say 0."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
