"""Events without secrets: before the log has them, and before anybody hears them."""

from typing import Any

from kt import Agent, Log, Message, TurnResult
from kt.events import Event, Logged, ToolEnded, ToolProgress, TurnEnded

from .data import Cleaner
from .scan import Holder
from .secrets import Secrets


class Scrubber:
    """Take secrets out of an agent's events, in place: their attributes become copies, which nobody else holds.

    Progress without a fraction is taken for output that comes in pieces, so the start of a secret waits for its rest.
    """

    def __init__(self, secrets: Secrets, cleaner: Cleaner) -> None:
        self._secrets, self._cleaner = secrets, cleaner
        self._progress: dict[str, Holder] = {}
        self._logged: Event | None = None

    def logged(self, event: Logged) -> None:
        """Scrub an event for the log; it is clean when it is published."""
        self.scrub(event)
        self._logged = event
        if isinstance(event, ToolEnded):
            self._progress.pop(event.call.id, None)

    def scrub(self, event: Event) -> None:
        """Scrub an event, once."""
        if event is self._logged:
            return
        if isinstance(event, TurnEnded):
            self._set(event.result, self._cleaner.changes(event.result))
        if isinstance(event, ToolProgress) and event.fraction is None:
            holder = self._progress.setdefault(event.call_id, self._secrets.holder(tokens=False))
            event.text = holder.feed(event.text)
        self._set(event, self._cleaner.changes(event))

    def _set(self, target: Event | TurnResult, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            setattr(target, name, value)


class CleanLog:
    """A log that gets no secrets; `inner` is the one that keeps the records."""

    def __init__(self, inner: Log, scrubber: Scrubber, cleaner: Cleaner) -> None:
        self.inner, self.lasting = inner, inner.lasting
        self._scrubber, self._cleaner = scrubber, cleaner

    def append(self, record: Logged) -> int:
        self._scrubber.logged(record)
        return self.inner.append(record)

    def add(self, message: Message) -> None:
        if (add := getattr(self.inner, "add", None)) is not None:
            add(self._cleaner.clean(message))

    async def open(self, agent: Agent) -> None:
        if (opening := getattr(self.inner, "open", None)) is not None:
            await opening(agent)

    async def durable(self) -> None:
        await self._cleaner.failing(self.inner.durable())

    async def close(self) -> None:
        if (close := getattr(self.inner, "close", None)) is not None:
            await close()
