"""The input stdin: a turn for each line of standard input, or for all of it."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kt import Agent
from kt.errors import ConfigError, DataError

from .feeding import feeding
from .lines import MAX_TEXT, Lines, text_of
from .settings import Settings, checked

CHUNK = 65_536
_read_by: dict[int, str] = {}
"""The descriptors that an agent of this process reads, with its name."""


@dataclass(slots=True, kw_only=True)
class StdinSettings(Settings):
    """`prefix` comes before each text; `whole` makes one turn of everything up to the end."""

    prefix: str = ""
    whole: bool = False


@asynccontextmanager
async def stdin(agent: Agent, **settings: Any) -> AsyncIterator[None]:
    """Make a turn of each line of standard input while the agent runs.

    Nothing is read before the turn of the line before has ended. Raises ConfigError where there is no standard input,
    or another agent of this process reads it.
    """
    given = checked(agent, StdinSettings, settings, "input stdin")
    fd = _descriptor()
    if fd in _read_by:
        raise ConfigError(f"standard input is read by agent {_read_by[fd]!r} already", where=f"input of {agent.name}")
    texts = whole(fd) if given.whole else lines(fd)
    _read_by[fd] = agent.name
    try:
        async with feeding(agent, "stdin", texts, prefix=given.prefix):
            yield
    finally:
        del _read_by[fd]


def _descriptor() -> int:
    try:
        if sys.stdin is None:
            raise ValueError
        return sys.stdin.fileno()
    except (OSError, ValueError):
        hint = "redirect it, or use the input none"
        raise ConfigError("there is no standard input", where="input stdin", hint=hint) from None


async def lines(fd: int) -> AsyncGenerator[str, None]:
    """Yield the lines of a descriptor up to its end."""
    found = Lines()
    while data := await read_some(fd):
        for line in found.feed(data):
            yield line
    yield found.rest()


async def whole(fd: int) -> AsyncGenerator[str, None]:
    """Yield all that comes from a descriptor up to its end, as one text. Raises DataError for more than 16 MiB."""
    found = bytearray()
    while data := await read_some(fd):
        found += data
        if len(found) > MAX_TEXT:
            raise DataError(f"standard input is longer than {MAX_TEXT} bytes")
    yield text_of(bytes(found))


async def read_some(fd: int) -> bytes:
    """Return what a descriptor has, once it has something; b"" at its end.

    It stays in blocking mode, which other processes may share, and nothing is read by a wait that is cancelled.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(fd, lambda: None if ready.done() else ready.set_result(None))
    except PermissionError:
        return await asyncio.to_thread(os.read, fd, CHUNK)  # epoll refuses what never lets one wait: a file
    try:
        await ready
    finally:
        loop.remove_reader(fd)
    return os.read(fd, CHUNK)
