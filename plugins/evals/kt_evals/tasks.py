"""Tasks: what a creature is asked to do, in which folder, and how it is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kt import Limits

from .checks import Check
from .patterns import compiled, search

NO = "no"
"""The answer to a question that no reply is for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to the questions whose text matches the regular expression `to`."""

    to: str
    answer: str

    def __post_init__(self) -> None:
        compiled(self.to)


@dataclass(frozen=True, slots=True)
class Judge:
    """A check, the mapping it was read from, and where that stands."""

    check: Check
    given: Mapping[str, Any]
    where: str

    def __str__(self) -> str:
        return ", ".join(f"{name}: {value}" for name, value in self.given.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task. Its folder holds a copy of `source`, then `committed`, then `files`: texts by path."""

    name: str
    prompt: str
    judges: Sequence[Judge]
    source: Path | None = None
    committed: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    replies: Sequence[Reply] = ()

    def answer(self, question: str) -> str:
        """Return the answer to a question of the creature's: that of the first reply for it, else a no.

        Raises DataError for a pattern that can't be matched.
        """
        return next((reply.answer for reply in self.replies if search(reply.to, question)), NO)
