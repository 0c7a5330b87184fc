"""The V4A patch format: sections of files, hunks placed by their context instead of line numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from kt.errors import DataError

BEGIN, END, END_OF_FILE = "*** Begin Patch", "*** End Patch", "*** End of File"
MOVE = "*** Move to:"
NUMBERS = re.compile(r"-\d+(,\d+)? \+\d+(,\d+)? @@ ?")
"""Line numbers that unified diffs have after @@."""

Kind = Literal["add", "update", "delete"]
HEADS: dict[str, Kind] = {"*** Add File:": "add", "*** Update File:": "update", "*** Delete File:": "delete"}


@dataclass(slots=True)
class Hunk:
    """Lines to find, keep, remove and add; `lines` are (" ", "-" or "+", text), `line` is its first in the patch."""

    line: int
    anchors: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    at_end: bool = False

    @property
    def old(self) -> list[str]:
        return [text for mark, text in self.lines if mark != "+"]


@dataclass(slots=True)
class Section:
    """What a patch does to one file; `text` is the content of a file to add."""

    kind: Kind
    path: str
    move_to: str = ""
    text: str = ""
    hunks: list[Hunk] = field(default_factory=list)


def parse(patch: str) -> list[Section]:
    """Return the sections of a patch. Raises DataError naming the line that does not fit."""
    lines = patch.replace("\r\n", "\n").strip("\n").split("\n")
    if lines[0].strip() != BEGIN or lines[-1].strip() != END:
        raise DataError(f"a patch begins with the line {BEGIN!r} and ends with {END!r}")
    sections: list[Section] = []
    at = 1
    while at < len(lines) - 1:
        if not lines[at].strip():
            at += 1
            continue
        stop = next((n for n in range(at + 1, len(lines)) if _head(lines[n]) or n == len(lines) - 1), at)
        sections.append(_section(lines, at, stop))
        at = stop
    if not sections:
        raise DataError("the patch is empty")
    return sections


def _head(line: str) -> str:
    return next((head for head in HEADS if line.startswith(head)), "")


def _section(lines: list[str], at: int, stop: int) -> Section:
    """Return the section in lines[at:stop]."""
    head = _head(lines[at])
    path = lines[at].removeprefix(head).strip()
    if not head or not path:
        raise DataError(
            f"line {at + 1} of the patch names no file: {lines[at]!r}", hint=f"use {' or '.join(HEADS)} PATH"
        )
    section = Section(HEADS[head], path)
    at += 1
    if section.kind == "update" and at < stop and lines[at].startswith(MOVE):
        section.move_to = lines[at].removeprefix(MOVE).strip()
        at += 1
    body = list(enumerate(lines[at:stop], at + 1))
    while body and not body[-1][1]:
        body.pop()
    if section.kind == "add":
        section.text = "".join(f"{_marked(number, line, '+')}\n" for number, line in body)
    elif section.kind == "update":
        section.hunks = _hunks(body)
        if not section.hunks and not section.move_to:
            raise DataError(f"nothing is to change in {path!r}")
    elif body:
        raise DataError(f"line {body[0][0]} of the patch follows a deletion: {body[0][1]!r}")
    return section


def _marked(number: int, line: str, marks: str) -> str:
    if line[:1] not in marks or not line:
        raise DataError(f"line {number} of the patch must begin with {' or '.join(map(repr, marks))}: {line!r}")
    return line[1:]


def _hunks(body: Sequence[tuple[int, str]]) -> list[Hunk]:
    """Return the hunks of an update. A line that is all empty is an empty line of context."""
    hunks: list[Hunk] = []
    for number, line in body:
        if line.startswith("@@"):
            if not hunks or hunks[-1].lines or hunks[-1].at_end:
                hunks.append(Hunk(number))
            anchor = NUMBERS.sub("", line[2:].removeprefix(" "), count=1)
            hunks[-1].anchors += [anchor] if anchor.strip(" @") else []
            continue
        if not hunks or hunks[-1].at_end:
            hunks.append(Hunk(number))
        if line.rstrip() == END_OF_FILE:
            hunks[-1].at_end = True
        else:
            text = _marked(number, line or " ", " -+")
            hunks[-1].lines.append((line[:1] or " ", text))
    for hunk in hunks:
        if all(mark == " " for mark, _ in hunk.lines):
            raise DataError(
                f"the hunk at line {hunk.line} of the patch changes nothing", hint="mark lines with - and +"
            )
    return hunks
