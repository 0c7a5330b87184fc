"""Checks: what must be true of a run, one class a kind. `CHECKS` has them by the key that says which one is meant."""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Protocol

from kt import ToolCall

from .patterns import compiled, search
from .played import Played
from .snapshot import changed, is_below, snapshot, text_of

STRICT = {"extra": "forbid"}
SHOWN = 200
"""Characters of an answer or an output that a failed check quotes."""


class Check(Protocol):
    async def problem(self, played: Played) -> str:
        """Return why the check fails, "" where it holds."""


def inside(path: str) -> str:
    """Return a path below the task's folder. Raises ValueError for another one."""
    if not path or "\0" in path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(f"the path {path!r} is not below the task's folder")
    return path


def shortened(text: str) -> str:
    """Return a text as one line of at most 200 characters, quoted."""
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN else f"{line[:SHOWN]} ...")


@dataclass(slots=True, kw_only=True)
class Answer:
    """The answer matches a regular expression."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    answer: str

    def __post_init__(self) -> None:
        compiled(self.answer)

    async def problem(self, played: Played) -> str:
        text = played.result.text
        return "" if search(self.answer, text) else f"the answer is {shortened(text)}"


@dataclass(slots=True, kw_only=True)
class AnswerNot:
    """The answer matches a regular expression nowhere."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    answer_not: str

    def __post_init__(self) -> None:
        compiled(self.answer_not)

    async def problem(self, played: Played) -> str:
        found = search(self.answer_not, played.result.text)
        return f"the answer says {shortened(found[0])}" if found else ""


@dataclass(slots=True, kw_only=True)
class File:
    """A file is there, or `absent`; its text `equals` or `contains` a text, or `matches` a regular expression."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    file: str
    equals: str | None = None
    contains: str | None = None
    matches: str | None = None
    absent: bool = False

    def __post_init__(self) -> None:
        inside(self.file)
        compiled(self.matches or "")
        if sum((self.equals is not None, self.contains is not None, self.matches is not None, self.absent)) > 1:
            raise ValueError("one of equals, contains, matches and absent may be given")

    async def problem(self, played: Played) -> str:
        if self.absent:
            return self._present(played)
        text = text_of(played.folder, self.file)
        if text is None:
            return f"{self.file} is no readable file of the folder"
        if self.equals is not None and text != self.equals:
            return f"it holds {shortened(text)}"
        if self.contains is not None and self.contains not in text:
            return f"it holds {shortened(text)}"
        if self.matches is not None and not search(self.matches, text):
            return f"it holds {shortened(text)}"
        return ""

    def _present(self, played: Played) -> str:
        path = played.folder / self.file
        if not is_below(path.parent, played.folder):
            return f"{self.file} leads out of the folder"
        return f"{self.file} is there" if os.path.lexists(path) else ""


@dataclass(slots=True, kw_only=True)
class Unchanged:
    """A file, or all files of a folder, are as they were; what caches and git hold does not count."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    unchanged: str

    def __post_init__(self) -> None:
        inside(self.unchanged)

    async def problem(self, played: Played) -> str:
        names = changed(played.before, await asyncio.to_thread(snapshot, played.folder), self.unchanged)
        return f"changed: {', '.join(names)}" if names else ""


@dataclass(slots=True, kw_only=True)
class Run:
    """A command, run within the agent's walls, ends with `code`; its output matches a regular expression."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    run: str
    code: int = 0
    output: str | None = None
    timeout: float = 60.0

    def __post_init__(self) -> None:
        compiled(self.output or "")

    async def problem(self, played: Played) -> str:
        ended = await played.agent.sandbox.exec.run(self.run, timeout=self.timeout)
        if ended.timed_out:
            return f"it did not end within {self.timeout:g} s"
        if ended.code != self.code:
            return f"it ended with {ended.code} and printed {shortened(ended.output)}"
        if self.output is not None and not search(self.output, ended.output):
            return f"it printed {shortened(ended.output)}"
        return ""


@dataclass(slots=True, kw_only=True)
class Used:
    """A tool was called, with `arguments` that match a regular expression as JSON."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    used: str
    arguments: str | None = None

    def __post_init__(self) -> None:
        compiled(self.arguments or "")

    async def problem(self, played: Played) -> str:
        if _calls(played, self.used, self.arguments):
            return ""
        names = dict.fromkeys(call.name for call in played.watched.calls)
        return f"called were {', '.join(names) or 'no tools'}"


@dataclass(slots=True, kw_only=True)
class NotUsed:
    """A tool was not called, or not with `arguments` that match a regular expression as JSON."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    not_used: str
    arguments: str | None = None

    def __post_init__(self) -> None:
        compiled(self.arguments or "")

    async def problem(self, played: Played) -> str:
        found = _calls(played, self.not_used, self.arguments)
        return f"called with {shortened(found[0])}" if found else ""


def _calls(played: Played, tool: str, pattern: str | None) -> list[str]:
    """Return the arguments, as JSON, of the calls of a tool that match a pattern."""
    calls = [call for call in played.watched.calls if call.name == tool]
    return [text for text in map(_arguments, calls) if not pattern or search(pattern, text)]


def _arguments(call: ToolCall) -> str:
    return call.args_text if call.arguments is None else json.dumps(call.arguments, ensure_ascii=False)


@dataclass(slots=True, kw_only=True)
class CallsAtMost:
    """Tools were called no more often than this."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    calls_at_most: int

    async def problem(self, played: Played) -> str:
        count = len(played.watched.calls)
        return f"calls made: {count}" if count > self.calls_at_most else ""


@dataclass(slots=True, kw_only=True)
class Asked:
    """The creature asked its user something, or did not; a text is a regular expression that a question matches."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT
    asked: bool | str

    def __post_init__(self) -> None:
        compiled(self.asked if isinstance(self.asked, str) else "")

    async def problem(self, played: Played) -> str:
        questions = [question.text for question in played.watched.asked]
        if isinstance(self.asked, str):
            if any(search(self.asked, question) for question in questions):
                return ""
        elif bool(questions) == self.asked:
            return ""
        return f"it asked {shortened('; '.join(questions))}" if questions else "it asked nothing"


CHECKS: dict[str, type[Check]] = {
    "answer": Answer, "answer_not": AnswerNot, "file": File, "unchanged": Unchanged, "run": Run, "used": Used,
    "not_used": NotUsed, "calls_at_most": CallsAtMost, "asked": Asked,
}  # fmt: skip
