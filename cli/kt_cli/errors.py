"""Errors as users see them: one line on stderr, the right exit code, a traceback only with --debug."""

import os
import sys
from collections.abc import Callable

from kt.errors import InternalError, KTError

BROKEN_PIPE = 141
INTERRUPTED = 130
TERMINATED = 143


class Terminated(BaseException):
    """Unwind because SIGTERM came."""


def reported(action: Callable[[], int], *, debug: bool = False) -> int:
    """Return the exit code of `action`, having printed the error that ended it."""
    try:
        code = action()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read us is gone; a flush at exit must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        known = as_kt(error)
        print(known.line(), file=sys.stderr)
        return known.exit_code


def as_kt(error: Exception) -> KTError:
    """Return the error as one of ours; what we did not foresee is our bug."""
    if isinstance(error, KTError):
        return error
    return InternalError(f"{type(error).__name__}: {error}", hint="please report it; --debug shows where")
