"""The contract of a command: it explains itself."""

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from .outcome import Found

if TYPE_CHECKING:
    from kt import Entry, Plugins


def command(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    """Yield what is wrong with `kt NAME --help`."""
    fix = f'print "Usage: kt {entry.name} ..." to stdout and return 0 for --help'
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = target(["--help"], installed)
    except (Exception, SystemExit) as error:
        yield f"--help raises {type(error).__name__}: {error}", fix
        return
    if code != 0:
        yield f"--help returns {code!r}", fix
    if not out.getvalue().startswith(f"Usage: kt {entry.name}"):
        first = (out.getvalue().splitlines() or ["nothing"])[0]
        yield f"--help prints {first!r}", fix
    if err.getvalue():
        yield "--help writes to stderr", fix
