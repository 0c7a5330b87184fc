"""One run of a pipeline: who hears of it, where its text goes, and which origins came in."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Protocol, TypeAlias

from kt.events import Event

Listener: TypeAlias = Callable[[Event], object]


class Voice(Protocol):
    """Take the text of the stage that streams."""

    def say(self, step: str, text: str) -> None: ...

    def restart(self, step: str) -> None:
        """Declare what was said so far void."""


@dataclass(slots=True)
class Run:
    """Be handed from node to node; `origins` are those of all that the agents before have taken in."""

    on_event: Listener | None = None
    voice: Voice | None = None
    origins: set[str] = field(default_factory=set)
    calls: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def heard(self) -> bool:
        return self.on_event is not None or self.voice is not None

    def quiet(self) -> "Run":
        """Return this run for a stage whose text does not stream."""
        return self if self.voice is None else replace(self, voice=None)

    def branch(self) -> "Run":
        """Return a run for one of several at once: quiet, and what it takes in is its own until it is merged."""
        return replace(self, voice=None, origins=set(self.origins))

    def tell(self, make: Callable[..., Event], *fields: Any) -> None:
        """Make an event and hand it to who listens; a listener that raises does not change what happens."""
        if self.on_event is None:
            return
        event = make(*fields)
        try:
            self.on_event(event)
        except Exception as error:
            report = {"message": f"on_event raised at {event!r}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(report)

    def say(self, step: str, text: str) -> None:
        if self.voice is not None:
            self.voice.say(step, text)

    def restart(self, step: str) -> None:
        if self.voice is not None:
            self.voice.restart(step)
