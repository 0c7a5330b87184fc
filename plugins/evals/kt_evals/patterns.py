"""Regular expressions of an evals file, which somebody else may have written: how long they take is bounded."""

import re
import signal
from functools import cache
from typing import Any, NoReturn

from kt.errors import DataError

PATIENCE = 2.0
"""Seconds that a match may take."""
MAX_TEXT = 500_000
"""Characters of a text that is matched: how long the matcher goes on without heeding a signal grows with them."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern that ignores case, with ^ and $ at each line. Raises ValueError for a broken one."""
    try:
        return re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def search(pattern: str, text: str) -> re.Match[str] | None:
    """Return where a text matches first, in the main thread only.

    Raises DataError for a text that is too long, and for a pattern that takes more than 2 seconds.
    """
    if len(text) > MAX_TEXT:
        raise DataError(f"a text of {len(text):,} characters is too long for a pattern", hint="say contains: TEXT")

    def give_up(number: int, frame: Any) -> NoReturn:
        raise DataError(f"the pattern {pattern!r} takes more than {PATIENCE:g} s", hint="write a simpler one")

    # Threads would not do: a match lets no other one run, but it heeds signals.
    before = signal.signal(signal.SIGALRM, give_up)
    try:
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        try:
            return compiled(pattern).search(text)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
