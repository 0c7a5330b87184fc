"""Patterns over paths: those of glob, and those of .gitignore files."""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kt.errors import UsageError

from ._text import lines_of

MAX_ALTERNATIVES = 100

Steps: TypeAlias = "list[re.Pattern[str] | None]"
"""One expression for each name of a path; None stands for any number of folders."""


class Glob:
    """Match paths: *, ?, [set], {a,b}, and ** for any folders; a pattern without / matches names at any depth."""

    def __init__(self, pattern: str) -> None:
        pattern = pattern.removeprefix("./")
        if pattern.startswith("/") or ".." in pattern.split("/"):
            raise UsageError(f"the pattern {pattern!r} must be relative", hint="give the folder as path")
        if pattern.endswith("/"):
            pattern += "**"
        self._alternatives = [_steps(p) for p in _expand(pattern)]

    def matches(self, path: str) -> bool:
        names = path.split("/")
        return any(_match(steps, names) for steps in self._alternatives)


@dataclass(slots=True)
class Rule:
    """One line of a .gitignore file: what it matches, only folders or files too, and whether that is then ignored."""

    steps: Steps
    folders: bool
    ignored: bool

    def matches(self, names: Sequence[str], is_dir: bool) -> bool:
        """Tell whether the rule names this very path, given from the folder of its file."""
        return (is_dir or not self.folders) and _match(self.steps, names)


def rules_of(text: str) -> list[Rule]:
    """Return the rules of a .gitignore file, in order; git passes over lines without a meaning, and so does this."""
    return [rule for line in lines_of(text) if (rule := _rule(line)) is not None]


def _rule(line: str) -> Rule | None:
    line = re.sub(r"(?<!\\) +$", "", line)
    pattern = line.removeprefix("!")
    if line.startswith("#") or not pattern.strip("/"):
        return None
    # fnmatch has no escapes, and another sign for "none of".
    plain = re.sub(r"\\(.)", lambda m: f"[{m[1]}]" if m[1] in "*?[" else m[1], pattern).replace("[^", "[!")
    steps = _steps(plain.removesuffix("/"))
    return Rule(steps, pattern.endswith("/"), not line.startswith("!"))


def _expand(pattern: str) -> list[str]:
    """Return the patterns that the braces of one stand for."""
    done, pending = [], [pattern]
    while pending:
        one = pending.pop()
        braces = re.search(r"\{([^{}]*)\}", one)
        if braces is None:
            done.append(one)
        else:
            pending += [one[: braces.start()] + choice + one[braces.end() :] for choice in braces[1].split(",")]
        if len(done) + len(pending) > MAX_ALTERNATIVES:
            raise UsageError(f"the pattern {pattern!r} stands for too many")
    return done


def _steps(pattern: str) -> Steps:
    """Return the steps of a pattern; one of a single name may stand in any folder, ** at the end is for one or more."""
    names = pattern.removeprefix("/").split("/")
    if "/" not in pattern:
        names.insert(0, "**")
    if names[-1] == "**":
        names.append("*")
    return [None if name == "**" else re.compile(fnmatch.translate(name)) for name in names]


def _match(steps: Steps, names: Sequence[str]) -> bool:
    """Follow all ways through the pattern at once, so that none takes exponential time."""
    if len(steps) == 2 and steps[0] is None and steps[1] is not None:
        return steps[1].match(names[-1]) is not None
    at = _skip(steps, {0})
    for name in names:
        after = set()
        for i in at:
            if i < len(steps):
                step = steps[i]
                if step is None:
                    after.add(i)
                elif step.match(name):
                    after.add(i + 1)
        at = _skip(steps, after)
    return len(steps) in at


def _skip(steps: Steps, at: set[int]) -> set[int]:
    """Return the positions with those behind a ** that stands for no folder."""
    for i, step in enumerate(steps):
        if step is None and i in at:
            at.add(i + 1)
    return at
