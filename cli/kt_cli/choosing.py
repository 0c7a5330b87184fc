"""Questions with few answers, for a person at a terminal: what is refused is asked again, nothing is a no."""

import sys
from collections.abc import Callable, Sequence

from kt.errors import KTError, UsageError
from kt_chat.inert import inert

from .console import asked

TRIES = 3


def say(text: str) -> None:
    """Write lines on stderr, where they can't move the cursor."""
    print(inert(text), file=sys.stderr)


def answered(question: str, taken: Callable[[str], str | None]) -> str | None:
    """Return what `taken` makes of an answer; an answer that it refuses with a KTError is asked for again.

    None where nothing was answered, `taken` returned None, or three answers were refused.
    """
    for _ in range(TRIES):
        answer = asked(question)
        if not answer:
            return None
        try:
            return taken(answer)
        except KTError as error:
            say(error.line())
    return None


def picked(names: Sequence[str], question: str) -> str | None:
    """Return one of the names, chosen by its number or by itself; None as for `answered`."""
    say("\n".join(f"{number:>4}. {name}" for number, name in enumerate(names, 1)))
    return answered(question, lambda answer: answer if answer in names else names[number_of(answer, len(names))])


def number_of(answer: str, count: int) -> int:
    """Return the index, from 0, that an answer from 1 to `count` stands for. Raises UsageError."""
    if not (answer.isascii() and answer.isdecimal() and len(answer) < 5 and 0 < int(answer) <= count):
        raise UsageError(f"{answer[:40]!r} is none of these", hint=f"a number from 1 to {count}")
    return int(answer) - 1
