"""A terminal in the place of standard error, and what a person sees on it; a clock that a test moves."""

import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack
from typing import Any

import pyte
import pytest
from kt_marketplace import progress

ROWS = 5


class Screen:
    """The terminal behind standard error; `frames` is what was drawn over one line."""

    def __init__(self, main: int, columns: int) -> None:
        self._main, self._columns, self.raw = main, columns, b""
        os.set_blocking(main, False)

    def look(self) -> list[str]:
        """Return the rows that are not empty, now."""
        sys.stderr.flush()
        try:
            while data := os.read(self._main, 1 << 16):
                self.raw += data
        except BlockingIOError:
            pass
        screen = pyte.Screen(self._columns, ROWS)
        pyte.ByteStream(screen).feed(self.raw)
        return [row.rstrip() for row in screen.display if row.strip()]

    @property
    def frames(self) -> list[str]:
        self.look()
        return [part.partition(b"\x1b[K")[0].decode() for part in self.raw.split(b"\r")[1:]]


@contextmanager
def terminal(patch: pytest.MonkeyPatch, columns: int = 80, term: str = "xterm") -> Iterator[Screen]:
    """Make standard error a terminal so many columns wide."""
    from fcntl import ioctl

    main, side = os.openpty()
    tty.setraw(side)
    ioctl(side, termios.TIOCSWINSZ, pack("HHHH", ROWS, columns, 0, 0))
    patch.setenv("TERM", term)
    with open(side, "w", encoding="utf-8") as stderr:  # noqa: PTH123
        patch.setattr(sys, "stderr", stderr)
        try:
            yield Screen(main, columns)
        finally:
            patch.undo()
            os.close(main)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, patch: pytest.MonkeyPatch, module: Any = progress) -> None:
        self.now = 1000.0
        patch.setattr(module, "monotonic", lambda: self.now)
