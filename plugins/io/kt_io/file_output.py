"""The output file: answers as text, or results and events as JSON lines."""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kt import Agent, encode
from kt.errors import ConfigError, NotFound, nearest
from kt.events import Event, TurnEnded

from .answers import AnswerSettings, written_answers
from .results import result_data
from .settings import checked, path_below
from .writer import writing

WHERE = "output file"


@dataclass(slots=True, kw_only=True)
class FileOutputSettings(AnswerSettings):
    """`path` is below the working folder unless it is absolute; without `append` the file is emptied at start.

    `events` are the kinds of events that format jsonl writes; None stands for a line for each turn's result.
    """

    path: str
    format: Literal["text", "jsonl"] = "text"
    append: bool = True
    events: tuple[str, ...] | None = None
    when: Literal["final", "all"] = "final"


@asynccontextmanager
async def file(agent: Agent, **settings: Any) -> AsyncIterator[None]:
    """Write what the agent says into a file while it runs; everything of a turn is in it soon after the turn.

    Raises NotFound where the folder is missing, and ConfigError for a file that can't be written.
    """
    given = checked(agent, FileOutputSettings, settings, WHERE)
    _fits(given)
    path = path_below(agent, given.path)
    target = Target(path, append=given.append)
    try:
        async with writing(agent, f"{WHERE} {path.name}", target.write) as writer:
            if given.format == "text":
                scope = written_answers(agent, given, writer.put)
            else:
                scope = _json_lines(agent, given, writer.put)
            with scope:
                yield
    finally:
        target.close()


def _fits(given: FileOutputSettings) -> None:
    """Raise ConfigError for settings that say nothing together."""
    if given.format == "text" and given.events is not None:
        raise ConfigError("events are written as JSON lines", where=WHERE, hint="format: jsonl")
    if given.format == "jsonl" and (given.when == "all" or given.prefix):
        raise ConfigError("when and prefix are for text", where=WHERE, hint="events: [llm_ended] has every answer")
    if given.events is not None and given.only is not None:
        raise ConfigError("only chooses turns, events are written as they come", where=WHERE, hint="leave out one")
    known = {kind.kind for kind in _kinds(Event)}
    for name in given.events or ():
        if name not in known:
            raise ConfigError(f"no event of kind {name!r}", where=WHERE, hint=nearest(name, known))


def _kinds(cls: type[Event]) -> Iterator[type[Event]]:
    for kind in cls.__subclasses__():
        yield kind
        yield from _kinds(kind)


@contextmanager
def _json_lines(agent: Agent, given: FileOutputSettings, write: Callable[[str], object]) -> Iterator[None]:
    def ended(event: TurnEnded) -> None:
        if given.only is None or event.result.status in given.only:
            write(_line({"turn": event.turn, **result_data(event.result)}))

    def happened(event: Event) -> None:
        if given.events is not None and event.kind in given.events:
            write(_line(encode(event)))

    off = agent.bus.on(TurnEnded, ended) if given.events is None else agent.bus.on(Event, happened)
    try:
        yield
    finally:
        off()


def _line(data: object) -> str:
    return json.dumps(data, ensure_ascii=False) + "\n"


class Target:
    """A file that text is added to. Raises NotFound where its folder is missing, ConfigError where it can't be had."""

    def __init__(self, path: Path, *, append: bool) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (0 if append else os.O_TRUNC)
        try:
            self._fd = os.open(path, flags, 0o666)
        except FileNotFoundError:
            raise NotFound(f"no folder {str(path.parent)!r}", where=WHERE, hint="make it") from None
        except OSError as error:
            raise ConfigError(f"can't write {str(path)!r}: {error.strerror}", where=WHERE) from error
        self._torn = False

    def write(self, text: str) -> None:
        """Add text; what follows on a write that failed half-way begins on a line of its own."""
        left = text.encode("utf-8", "backslashreplace")
        if self._torn:
            left = b"\n" + left
        while left:
            left = left[os.write(self._fd, left) :]
            self._torn = bool(left)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
