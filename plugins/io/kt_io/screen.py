"""The outputs stdout and stderr: answers for people, on a terminal or in a pipe."""

import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from kt import Agent
from kt.errors import ConfigError

from .answers import AnswerSettings, LiveAnswers, written_answers
from .settings import checked
from .writer import writing

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(slots=True, kw_only=True)
class ScreenSettings(AnswerSettings):
    """`stream` writes each piece of an answer as it comes; None does where `when` and `only` allow it."""

    stream: bool | None = None


def stdout(agent: Agent, **settings: Any) -> AbstractAsyncContextManager[None]:
    """Write the agent's answers on standard output while it runs, with control characters made visible."""
    return _screen(agent, sys.stdout, "stdout", settings)


def stderr(agent: Agent, **settings: Any) -> AbstractAsyncContextManager[None]:
    """Write the agent's answers on standard error while it runs, with control characters made visible."""
    return _screen(agent, sys.stderr, "stderr", settings)


@asynccontextmanager
async def _screen(agent: Agent, stream: TextIO | None, name: str, settings: Any) -> AsyncIterator[None]:
    where = f"output {name}"
    given = checked(agent, ScreenSettings, settings, where)
    may_stream = given.when == "all" and given.only is None
    if given.stream and not may_stream:
        what = "what streams is shown before it is known whether it is final, and how its turn ends"
        raise ConfigError(what, where=where, hint="leave out stream, or when and only")
    if stream is None:
        raise ConfigError("this process has no such stream", where=where)
    async with writing(agent, where, _printer(stream)) as writer:
        live = may_stream if given.stream is None else given.stream
        with LiveAnswers(given.prefix, writer.put).of(agent) if live else written_answers(agent, given, writer.put):
            yield


def _printer(stream: TextIO) -> Callable[[str], None]:
    def write(text: str) -> None:
        encoding = stream.encoding or "utf-8"
        stream.write(inert(text).encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()

    return write


def inert(text: str) -> str:
    """Return text that can't command a terminal: control, zero-width and bidi characters are written as escapes."""
    return _CONTROL.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text)
