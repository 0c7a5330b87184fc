"""Put the prompt on the screen before anything heavy is imported; what is typed meanwhile is not lost."""

import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kt.errors import UsageError

WAITING = "\r\n> \r\n\x1b[2mstarting ...\x1b[0m\x1b[A\r\x1b[2C"
ERASED = "\r\x1b[A\x1b[J"


async def run(settings: Any) -> int:
    """Hold the conversation of some settings on this terminal; return the exit code. Raises UsageError without one."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--mode cli needs a terminal", hint="--mode plain")
    with _waiting():
        from .surface import Surface

        surface = Surface(settings, begin=lambda: sys.stdout.write(ERASED))
        return await surface.run()


@contextmanager
def _waiting() -> Iterator[None]:
    """Show a prompt at once, and let the terminal keep what is typed as it comes: Enter stays Enter."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    kept = termios.tcgetattr(descriptor)
    kept[0] &= ~termios.ICRNL
    kept[3] &= ~termios.ICANON
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, kept)
        sys.stdout.write(WAITING)
        sys.stdout.flush()
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
