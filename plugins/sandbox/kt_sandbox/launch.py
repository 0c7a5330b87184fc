"""How to start a process inside some walls."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from .plan import Plan
from .settings import Level


@dataclass(slots=True, frozen=True)
class Launch:
    """The words to execute and their environment; `fds` are handed over and closed here after the start.

    `wrapped` says that the process started is not the program itself: its exit code tells signals as 128 + number.
    `namespaced` says that its only child is the first of a process namespace, which ends with it.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    fds: tuple[int, ...] = ()
    closers: tuple[Callable[[], None], ...] = ()
    wrapped: bool = False
    namespaced: bool = False

    def close_fds(self) -> None:
        for fd in self.fds:
            with suppress(OSError):
                os.close(fd)

    def close(self) -> None:
        """Undo what was made for this one process, after its end."""
        for closer in self.closers:
            closer()


class Backend(Protocol):
    """Walls of one make: `gaps` are what they do not hold, in words for the user."""

    name: str
    level: Level
    gaps: tuple[str, ...]

    def launch(self, argv: Sequence[str], plan: Plan) -> Launch: ...


class Direct:
    """No walls: programs run with the rights and the environment of this process."""

    name = "none"
    level: Level = "none"
    gaps: tuple[str, ...] = ("programs can do whatever you can",)

    def launch(self, argv: Sequence[str], plan: Plan) -> Launch:
        return Launch(list(argv), {**os.environ, **plan.env})
