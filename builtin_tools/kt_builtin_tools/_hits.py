"""What grep found, read from lines of JSON as `rg --json` prints them."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ._text import cut, shown

MAX_LINE = 500


@dataclass(slots=True)
class Line:
    number: int
    text: str
    matches: bool


@dataclass(slots=True)
class FileHits:
    path: str
    lines: list[Line] = field(default_factory=list)


class Hits:
    """Collect matches until there are more than `limit`; `keep` decides which files count.

    `complete` says that the search came to its end. Binary files do not count.
    """

    def __init__(self, limit: int, keep: Callable[[str], bool]) -> None:
        self.files: list[FileHits] = []
        self.count, self.complete = 0, False
        self._limit, self._keep = limit, keep
        self._parts: list[str] = []
        self._current = FileHits("")

    @property
    def full(self) -> bool:
        return self.count > self._limit

    def feed(self, text: str) -> bool:
        """Take a piece of the stream; return whether there is enough."""
        self._parts.append(text)
        if "\n" in text:
            *lines, rest = "".join(self._parts).split("\n")
            self._parts = [rest]
            for line in lines:
                if line.startswith("{") and not self.full:
                    self._take(json.loads(line))
        return self.full

    def _take(self, event: dict[str, Any]) -> None:
        kind, data = event["type"], event["data"]
        if kind == "begin":
            self._current = FileHits(os.fsdecode(_bytes(data["path"])).removeprefix("./"))
        elif kind in ("match", "context"):
            text = _bytes(data["lines"]).decode(errors="replace").rstrip("\r\n")
            self._current.lines.append(Line(data["line_number"], cut(text, MAX_LINE), kind == "match"))
        elif kind == "end":
            if data["binary_offset"] is None and self._keep(self._current.path):
                self.files.append(self._current)
                self.count += sum(line.matches for line in self._current.lines)
        elif kind == "summary":
            self.complete = True

    def shown(self, context: int) -> Iterator[str]:
        """Yield the lines of the result: a path, its numbered lines, ":" behind the number of one that matches."""
        left = self._limit
        for file in self.files:
            if left:
                yield shown(file.path)
                last = 0
                for line in _first(file.lines, left, context):
                    if context and last and line.number > last + 1:
                        yield "--"
                    yield f"{line.number}{':' if line.matches else '-'}{line.text}"
                    last = line.number
                    left -= line.matches


def _first(lines: list[Line], count: int, context: int) -> list[Line]:
    """Return the lines up to the match number `count` and what belongs to it."""
    numbers = [line.number for line in lines if line.matches]
    if len(numbers) <= count:
        return lines
    last, following = numbers[count - 1], numbers[count]
    return [line for line in lines if line.number <= min(last + context, following - 1)]


def _bytes(value: dict[str, str]) -> bytes:
    """Return what ripgrep gives as text, or as base64 where it is no UTF-8."""
    return os.fsencode(value["text"]) if "text" in value else base64.b64decode(value["bytes"])
