"""Nothing comes in without a yes: on the terminal, or given before."""

import sys
from collections.abc import Iterable

from ..inert import inert
from .errors import Refused


class Consent:
    """Ask a person. `given` is a yes that was said before; where nobody can be asked it is a no.

    `before` is how one is said before, in a command or in Python.
    """

    def __init__(self, *, given: bool = False, before: str = "--yes") -> None:
        self.given, self.before = given, before

    def tell(self, lines: Iterable[str]) -> None:
        """Show lines on stderr, whole, with what a terminal would obey as escapes."""
        for line in lines:
            print(inert(line, longest=len(line)), file=sys.stderr)

    def ask(self, question: str) -> None:
        """Return if the answer is yes. Raises Refused."""
        if self.given:
            return
        question = inert(question, longest=len(question))
        if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
            raise Refused(f"{question} Nobody can be asked", hint=f"{self.before} says yes")
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
        if line.strip().lower() not in ("y", "yes"):
            raise Refused("nothing was changed: you said no" if line else "nothing was changed: nobody answered")
