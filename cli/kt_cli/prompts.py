"""Read the prompt: from the command line, from standard input, or both."""

import os
import select
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kt.errors import DataError, UsageError

MAX_BYTES = 10 * 1024 * 1024
PATIENCE = 1.0


def read_prompt(word: str | None, *, interactive: bool, optional: bool = False) -> str | None:
    """Return the prompt, or None for a conversation. Raises DataError for one that is empty, not UTF-8 or too large.

    With `optional` empty input is no prompt.
    Input that is piped in is the prompt, or follows the one of the command line. With a prompt given, a pipe that
    stays silent for a second is left alone (said on stderr); "-" waits for it.
    """
    if interactive:
        if word is not None:
            raise UsageError("--mode takes a conversation, not a PROMPT", hint="leave --mode away")
        return None
    if word is not None and word != "-":
        _checked(word.encode("utf-8", "surrogateescape"), "the prompt")
    piped = _piped(wait=word is None or word == "-")
    if word is None and (piped is None or (optional and not piped.strip())):
        return None
    if piped is None or (word not in (None, "-") and not piped.strip()):
        return word
    text = _checked(piped, "standard input")
    return text if word in (None, "-") else f"{word}\n\n<stdin>\n{text}\n</stdin>"


def _piped(*, wait: bool) -> bytes | None:
    """Return what is piped in; None where standard input is a terminal, a null device, or silent."""
    try:
        descriptor = sys.stdin.fileno()
        mode = os.fstat(descriptor).st_mode
    except (AttributeError, OSError, ValueError):
        return None
    if os.isatty(descriptor) or (stat.S_ISCHR(mode) and not wait):
        return None
    if not wait and not stat.S_ISREG(mode) and not select.select([descriptor], [], [], PATIENCE)[0]:
        print("kt: standard input is open but silent, so it is not read (PROMPT - waits for it)", file=sys.stderr)
        return None
    chunks, size = [], 0
    with _woken_by_signals() as wake:
        while chunk := _read(descriptor, wake):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BYTES:
                raise DataError(f"the prompt is larger than {MAX_BYTES // 1024 // 1024} MB", hint="name a file instead")
    return b"".join(chunks)


@contextmanager
def _woken_by_signals() -> Iterator[int]:
    """Yield a descriptor that a signal makes readable: one that comes just before a read would not interrupt it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def _read(descriptor: int, wake: int) -> bytes:
    """Return what comes next, empty at the end; a signal's own handler runs before the wait goes on."""
    while descriptor not in select.select([descriptor, wake], [], [])[0]:
        os.read(wake, 64)
    return os.read(descriptor, 1 << 16)


def _checked(data: bytes, what: str) -> str:
    text = decoded(data, what)
    if not text.strip():
        raise DataError(f"{what} is empty", hint="say what to do")
    return text


def decoded(data: bytes, what: str) -> str:
    """Return the text of `data`. Raises DataError where it is too large, not UTF-8, or holds a NUL."""
    if len(data) > MAX_BYTES:
        raise DataError(f"{what} is larger than {MAX_BYTES // 1024 // 1024} MB", hint="name a file instead")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(f"{what} is not UTF-8 (byte {error.start})") from None
    if "\0" in text:
        raise DataError(f"{what} holds a NUL (character {text.index(chr(0))})")
    return text
