"""What a check found: that it holds, or problems, each with its fix."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from kt.errors import KTError

Found: TypeAlias = Iterable[tuple[str, str]]
"""What a check yields: (what is wrong, how to mend it) pairs."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the check that found it, what it is, and how to mend it."""

    name: str
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one check: its name, what holds if there is no problem, and the problems."""

    name: str
    holds: str
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, name: str, holds: str, found: Found) -> "Outcome":
        """Return the outcome of a check from what it yields; that the pack's code raises is a problem as well."""
        problems = []
        try:
            for text, fix in found:
                problems.append(Problem(name, _line(text), fix))
        except KTError as error:
            problems.append(Problem(name, _line(str(error)), error.hint))
        except Exception as error:
            problems.append(Problem(name, _line(f"{type(error).__name__}: {error}"), "mend what raises it"))
        return cls(name, holds, tuple(problems))

    def rows(self) -> list[dict[str, object]]:
        """Return a table for each line that shows it, with the keys of a check."""
        if not self.problems:
            return [{"ok": True, "name": self.name, "text": self.holds, "fix": ""}]
        return [{"ok": False, "name": p.name, "text": p.text, "fix": p.fix} for p in self.problems]


def _line(text: str) -> str:
    return " ".join(text.split())
