"""The secrets that a host knows, and how to take them out of a text, of data, of a log record."""

import logging
import os
from contextlib import suppress
from functools import cache, partial
from typing import TypeVar
from weakref import WeakSet

from kt import Host, KTError

from .forms import trackable
from .scan import Holder, Matcher, clear
from .sources import in_environment, in_stores

T = TypeVar("T")


class Secrets:
    """The secrets of a host, each with a label: `agent.host.get(Secrets).add(value, "LABEL")`.

    Values with fewer than eight characters, and those of one repeated character, are not tracked. What was known once
    stays known.
    """

    def __init__(self, host: Host | None = None) -> None:
        self._host = host
        self._labels: dict[str, str] = {}
        self._named: frozenset[str] = frozenset()
        self._stores: set[str] = set()
        self._matcher: Matcher | None = None
        _LIVING.add(self)

    def add(self, value: str, label: str = "secret") -> None:
        """Track a value; what is found of it is shown as `[redacted LABEL]`."""
        value = value.strip()
        if trackable(value) and value not in self._labels:
            self._labels[value] = label
            self._matcher = None

    def watch(self, *names: str) -> None:
        """Track the values of these environment variables, whatever they are called."""
        self._named |= frozenset(names)
        self.refresh()

    def refresh(self) -> None:
        """Take up what the environment has now."""
        for value, name in in_environment(os.environ, self._named):
            self.add(value, name)

    def read_stores(self) -> None:
        """Take up the keys that are kept on this machine, once. Raises what a place of keys raises."""
        if self._host is not None:
            for value, name in in_stores(self._host.registry, self._stores):
                self.add(value, name)

    @property
    def matcher(self) -> Matcher:
        """Return what looks for the values that are known now."""
        if self._matcher is None:
            self._matcher = Matcher(self._labels)
        return self._matcher

    def holder(self, *, tokens: bool = True) -> Holder:
        """Return what redacts a text that comes in pieces."""
        return Holder(self.matcher, tokens=tokens)

    def redact(self, text: str, *, tokens: bool = True) -> str:
        """Return the text without known secrets and, with `tokens`, without what looks like a token.

        The text itself where there is nothing in it.
        """
        if clear(self.matcher, text, tokens=tokens):
            return text
        clean = self.holder(tokens=tokens).flush(text)
        return text if clean == text else clean

    def redact_data(self, value: T, *, tokens: bool = True) -> T:
        """Return messages, results, errors or JSON data without secrets: a copy where there are some, else itself."""
        from .data import Cleaner

        return Cleaner(partial(self.redact, tokens=tokens), partial(self.redact, tokens=False)).clean(value)


_LIVING: "WeakSet[Secrets]" = WeakSet()


def redact(text: str) -> str:
    """Return a text without the secrets that this process knows: the target of the kind `redactor`.

    These are the environment's, those of the places of keys that can be read, and those of every host there is.
    """
    own = _own()
    own.refresh()
    # A place of keys that can't be read gave its keys to nobody, and this runs where an error is being shown.
    with suppress(KTError):
        own.read_stores()
    for secrets in list(_LIVING):
        text = secrets.redact(text)
    return text


@cache
def _own() -> Secrets:
    return Secrets(Host())


class LogFilter(logging.Filter):
    """Take the secrets out of log records: `handler.addFilter(LogFilter())`. Nothing installs it by itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            record.msg, record.args = record.getMessage(), None
        except (TypeError, ValueError, KeyError):
            pass  # logging itself tells of a format that does not fit
        record.msg = redact(str(record.msg))
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_text = redact(record.exc_text) if record.exc_text else record.exc_text
        record.stack_info = redact(record.stack_info) if record.stack_info else record.stack_info
        return True
