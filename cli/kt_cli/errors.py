"""Errors as users see them: one line on stderr, the right exit code, a traceback only with --debug."""

import errno
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from kt.errors import InternalError, KTError, TurnCancelled

BROKEN_PIPE = 141
WRITE_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


class Terminated(BaseException):
    """Unwind because SIGTERM came."""


class Killed(TurnCancelled):
    """Say that SIGTERM ended the run."""

    exit_code = 143


class CannotWrite(KTError):
    """Say that a file can't be read or written: a disk is full or read-only, or a folder is none."""

    code, exit_code = "E-IO", 74


def report(error: BaseException, argv: Sequence[str]) -> int:
    """Return the exit code of a command that `error` ended, having said so.

    A `kt run` that was asked for JSON ends with a result object on stdout, however early it failed.
    """
    if isinstance(error, BrokenPipeError):
        _drop_stdout()
        return BROKEN_PIPE
    known = as_kt(error)
    if _wants_result(argv):
        from .headless import print_failure

        try:
            print_failure(known)
        except OSError:
            _drop_stdout()
    if isinstance(known, CannotWrite):
        _drop_stdout()
    if isinstance(error, Exception):
        _tell(error, known, debug="--debug" in argv)
    elif isinstance(error, KeyboardInterrupt) and sys.stderr.isatty():
        print(file=sys.stderr)  # the line that Ctrl-C left
    return known.exit_code


def _tell(error: Exception, known: KTError, *, debug: bool) -> None:
    if debug:
        show_traceback(error)
    from kt_chat.inert import inert

    print(inert(redacted(known.line())), file=sys.stderr)


def show_traceback(error: BaseException) -> None:
    """Print a traceback on stderr, without secrets."""
    import traceback

    print(redacted("".join(traceback.format_exception(error))), end="", file=sys.stderr)


def redacted(text: str) -> str:
    """Return a text without the secrets that this process knows, where a redactor is installed."""
    from kt import Plugins

    try:
        found = Plugins(skip_bad=True).registry.find("redactor", "default")
        return text if found is None else str(found.load()(text))
    except KTError as broken:
        # What can't be cleaned is not shown.
        return broken.line()


def _wants_result(argv: Sequence[str]) -> bool:
    """Tell whether machine-readable output was asked for, even by a command line that can't be parsed."""
    values = [a.partition("=")[2] for a in argv if a.startswith("--output=")]
    values += [value for name, value in pairwise(argv) if name == "--output"]
    return argv[:1] == ["run"] and any(v in ("json", "stream-json") for v in values)


def _drop_stdout() -> None:
    """Make the flush at exit silent: whoever read us is gone, or nothing can be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_in_home(path: Path) -> bool:
    """Tell whether a path is in the folder of the user's settings, or above it."""
    from kt_marketplace.home import home

    own = home().absolute()
    return path.absolute().is_relative_to(own) or own.is_relative_to(path.absolute())


def as_kt(error: BaseException) -> KTError:
    """Return the error as one of ours; what we did not foresee is our bug."""
    if isinstance(error, KTError):
        return error
    if isinstance(error, Terminated):
        return Killed("the run was terminated")
    if isinstance(error, KeyboardInterrupt):
        return TurnCancelled("the run was interrupted")
    if isinstance(error, OSError) and error.errno in WRITE_FAILED:
        return CannotWrite(f"can't write {error.filename or 'standard output'}: {error.strerror}")
    if isinstance(error, OSError) and isinstance(error.filename, str) and _is_in_home(Path(error.filename)):
        hint = "KT_HOME names the folder of kt's own files"
        return CannotWrite(f"can't read or write {error.filename}: {error.strerror}", hint=hint)
    if isinstance(error, PermissionError | NotADirectoryError) and error.filename:
        return CannotWrite(f"can't read or write {error.filename}: {error.strerror}")
    return InternalError(f"{type(error).__name__}: {error}", hint="please report it; --debug shows where")
