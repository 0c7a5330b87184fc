"""What a search engine is: a function from a query to hits."""

from dataclasses import dataclass
from typing import Protocol

from kt import Http


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One result; all three are plain text."""

    title: str
    url: str
    snippet: str = ""


class Settings(Protocol):
    """What an engine gets of its user's settings.

    `url` is asked instead of the engine's own address, unless empty. `key(variable)` returns the key under an
    environment variable, or raises ConfigError that says how to set one.
    """

    @property
    def url(self) -> str: ...

    def key(self, variable: str) -> str: ...


class SearchEngine(Protocol):
    """The target of the kind search_engine."""

    async def __call__(self, http: Http, query: str, limit: int, settings: Settings) -> list[SearchHit]:
        """Return up to `limit` hits, the best first. Raises KTError that says what the service answered."""
        ...
