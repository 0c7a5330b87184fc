"""Glob patterns over paths, the same whoever found the paths."""

import fnmatch
import re

from kt.errors import UsageError

MAX_ALTERNATIVES = 100


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


def _steps(pattern: str) -> "list[re.Pattern[str] | None]":
    """Return a pattern's names as regular expressions; None stands for any number of folders."""
    names = pattern.split("/") if "/" in pattern else ["**", pattern]
    return [None if name == "**" else re.compile(fnmatch.translate(name)) for name in names]


def _match(steps: "list[re.Pattern[str] | None]", names: list[str]) -> bool:
    """Follow all ways through the pattern at once, so that no pattern takes exponential time."""
    at = _skip(steps, {0})
    for name in names:
        after = set()
        for i in at:
            step = steps[i] if i < len(steps) else None
            if i < len(steps) and step is None:
                after.add(i)
            elif step is not None and step.match(name):
                after.add(i + 1)
        at = _skip(steps, after)
    return len(steps) in at


def _skip(steps: "list[re.Pattern[str] | None]", at: set[int]) -> set[int]:
    """Return the positions with those behind a ** that stands for no folder."""
    for i, step in enumerate(steps):
        if step is None and i in at:
            at.add(i + 1)
    return at
