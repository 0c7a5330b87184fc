"""Read one JSON object key by key; an error names the place of what is wrong."""

from collections.abc import Iterator
from typing import Any

from kt.errors import DataError


class Table:
    """A JSON object that is to have certain keys and no others.

    Each method takes a key out and raises DataError where its value is missing or of another type; without a default a
    key must be there. `done` raises for what was not asked for.
    """

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise DataError("must be an object", where=place)
        self.place = place
        self._left: dict[str, Any] = dict(value)

    def at(self, key: str) -> str:
        """Return the place of a key."""
        return f"{self.place}.{key}"

    def has(self, key: str) -> bool:
        return key in self._left

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str):
            raise DataError("must be a text", where=self.at(key))
        return value

    def number(self, key: str, *, least: int = 0) -> int:
        value = self._take(key, None)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**53:
            raise DataError(f"must be a whole number from {least}", where=self.at(key))
        return value

    def items(self, key: str, *, most: int) -> list[Any]:
        """Return a list of at most so many items; a key that is not there is an empty one."""
        value = self._take(key, [])
        if not isinstance(value, list) or len(value) > most:
            raise DataError(f"must be a list of at most {most} items", where=self.at(key))
        return value

    def texts(self, key: str, *, most: int) -> tuple[str, ...]:
        values = self.items(key, most=most)
        if not all(isinstance(v, str) for v in values):
            raise DataError("must be a list of texts", where=self.at(key))
        return tuple(values)

    def tables(self, key: str, *, most: int) -> "Iterator[Table]":
        """Yield the objects of a list."""
        for number, item in enumerate(self.items(key, most=most)):
            yield Table(item, f"{self.at(key)}[{number}]")

    def mapping(self, key: str, *, most: int) -> dict[str, Any]:
        """Return an object of at most so many keys."""
        value = self._take(key, {})
        if not isinstance(value, dict) or len(value) > most:
            raise DataError(f"must be an object of at most {most} keys", where=self.at(key))
        return value

    def done(self) -> None:
        """Raise DataError for a key that has no meaning."""
        if self._left:
            raise DataError(f"unknown key {min(self._left)!r}", where=self.place)

    def _take(self, key: str, default: object) -> Any:
        value = self._left.pop(key, default)
        if value is None:
            raise DataError("is missing", where=self.at(key))
        return value
