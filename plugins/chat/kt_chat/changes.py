"""What a call changed in a file, as the numbered lines of a diff."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal, TypeAlias

from kt import Agent, ToolCall

Mark: TypeAlias = Literal[" ", "+", "-", "~"]
CONTEXT = 2
MOST = 2_000
"""Lines of a changed region that are compared one by one."""
LARGEST = 1 << 20
"""Bytes of a file that is looked at."""
_OTHER = "\0"
"""Stands for what is no text, or too much of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a diff: kept, added, removed, or "~" where lines are left out; `number` counts from 1."""

    mark: Mark
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file; `rows` are empty where it is too large or no text."""

    path: str
    added: int
    removed: int
    rows: tuple[Row, ...] = ()
    verb: Literal["edited", "created", "deleted"] = "edited"


def compare(path: str, before: str | None, after: str | None) -> Change | None:
    """Return how a file's text changed; None where it did not. A text that is None is no file."""
    if before == after:
        return None
    old, new = (before or "").splitlines(), (after or "").splitlines()
    verb: Literal["edited", "created", "deleted"] = (
        "created" if before is None else "deleted" if after is None else "edited"
    )
    rows = list(_rows(old, new))
    added, removed = sum(r.mark == "+" for r in rows), sum(r.mark == "-" for r in rows)
    return Change(path, added, removed, tuple(rows), verb)


def _rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    start = max(0, head - CONTEXT)
    a, b = old[start : len(old) - max(0, tail - CONTEXT)], new[start : len(new) - max(0, tail - CONTEXT)]
    if max(len(a), len(b)) > MOST:
        yield from (Row("-", start + n, text) for n, text in enumerate(a, 1))
        yield from (Row("+", start + n, text) for n, text in enumerate(b, 1))
        return
    for number, group in enumerate(SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(CONTEXT)):
        if number:
            yield Row("~", 0, "")
        for tag, i, j, k, m in group:
            if tag == "equal":
                yield from (Row(" ", start + k + n, text) for n, text in enumerate(b[k:m], 1))
                continue
            yield from (Row("-", start + i + n, text) for n, text in enumerate(a[i:j], 1))
            yield from (Row("+", start + k + n, text) for n, text in enumerate(b[k:m], 1))


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


class Watched:
    """The files that calls name as what they write, before and after: what changed is what was found."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._before: dict[str, dict[str, str | None]] = {}

    def started(self, call: ToolCall) -> None:
        if paths := written(self._agent, call):
            self._before[call.id] = {path: self.text(path) for path in paths}

    def ended(self, call: ToolCall) -> list[Change]:
        """Return what became of the files that a call named."""
        found = []
        for path, before in self._before.pop(call.id, {}).items():
            after = self.text(path)
            if _OTHER not in (before, after) and (change := compare(path, before, after)) is not None:
                found.append(change)
        return found

    def text(self, path: str) -> str | None:
        """Return what a file holds, None where there is none, a NUL where that is no text or too much of it."""
        return _text(self._agent.pwd / (Path(path).expanduser() if path.startswith("~/") else path))


def written(agent: Agent, call: ToolCall) -> list[str]:
    """Return the paths that a call names among what it writes, as they stand there."""
    entry = agent.host.registry.find("writes_of", call.name)
    if entry is not None:
        tell: Callable[[ToolCall], list[str]] = entry.load()
        return tell(call)
    tool = agent.tools.get(call.name)
    names = [n[1:] for n in tool.needs.writes if n.startswith("@")] if tool is not None else []
    values = [(call.arguments or {}).get(name) for name in names]
    return [value for value in values if isinstance(value, str) and value and "\0" not in value]


def _text(path: Path) -> str | None:
    """Return what a file holds, None where there is none. Nothing but a regular file is opened."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            return _OTHER
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RuntimeError):
        return _OTHER
    return _OTHER if b"\0" in data else data.decode("utf-8", "replace")
