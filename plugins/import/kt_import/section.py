"""Tables of a source, of which each key is taken once, and tables of the output, which keys are moved to."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Literal, TypeAlias, TypeGuard

from .report import Keys, Report, dotted

Want: TypeAlias = Literal["text", "number", "flag", "any"]
To: TypeAlias = tuple[str, ...]

SAME: Any = object()
WORDS = {"text": "text", "number": "a number", "flag": "true or false"}


class Target:
    """A table of the output. `name` is its own path, for the report."""

    def __init__(self, name: To = ()) -> None:
        self.data: dict[str, Any] = {}
        self.name = name

    def put(self, to: To, value: Any) -> bool:
        """Write a value at a path of keys; False where another value stands there, or on the way."""
        table = self.data
        for key in to[:-1]:
            inner = table.setdefault(key, {})
            if not isinstance(inner, dict):
                return False
            table = inner
        if to[-1] in table:
            return bool(table[to[-1]] == value)
        table[to[-1]] = value
        return True

    def add(self, key: str, item: Any) -> bool:
        """Append to a list; False where the item is in it."""
        items = self.data.setdefault(key, [])
        if item in items:
            return False
        items.append(item)
        return True


class Section:
    """A table or list of the source. Its keys are taken from it: what is left is reported as dropped.

    A list is a table of indexes. A key of no value (null) is taken at once. `place` says where a path of keys stands;
    `left` holds what was not taken. `alone` is for a plain value that stands where a table might: its one key is none
    of the source's.
    """

    def __init__(
        self, data: Any, place: Callable[[Keys], str], report: Report, at: Keys = (), *, alone: bool = False
    ) -> None:
        items = data if isinstance(data, Mapping) else dict(enumerate(data))
        self.left: dict[str | int, Any] = dict(items)
        self.place, self.report, self.at, self.alone = place, report, tuple(at), alone
        report.sections.append(self)
        for key in [key for key, value in items.items() if value is None]:
            self.drop(key, "it has no value")

    def __contains__(self, key: object) -> bool:
        return key in self.left

    def get(self, key: str | int, default: Any = None) -> Any:
        """Return a value without taking it."""
        return self.left.get(key, default)

    def text(self, key: str | int) -> str:
        """Return a text without taking it; "" where there is none, or something else."""
        value = self.left.get(key)
        return value if isinstance(value, str) else ""

    def path(self, key: str | int) -> Keys:
        return self.at if self.alone else (*self.at, key)

    def where(self, key: str | int) -> str:
        return self.place(self.path(key))

    def key(self, key: str | int) -> str:
        return dotted(self.path(key))

    def inner(self, key: str | int, *, alone: str | int | None = None) -> "Section":
        """Take a table or list and return it as a section, which accounts for what is in it; empty if absent.

        A text in its place is the value of the key `alone`, where one is given.
        """
        value = self.left.get(key, {})
        if alone is not None and isinstance(value, str):
            del self.left[key]
            return Section({alone: value}, self.place, self.report, (*self.at, key), alone=True)
        if not isinstance(value, dict | list):
            self.drop(key, "a table or a list belongs here")
            value = {}
        if key in self.left:
            del self.left[key]
            if not value:
                self.report.add("kept", self.key(key), self.where(key), "empty")
        return Section(value, self.place, self.report, (*self.at, key))

    def drop(self, key: str | int, why: str) -> None:
        """Take a key, if it is there, and report that it has no counterpart."""
        if key in self.left:
            del self.left[key]
            self.report.add("dropped", self.key(key), self.where(key), why)

    def used(self, key: str | int, what: str) -> None:
        """Take a key whose meaning is in the output in another form, which `what` names."""
        if key in self.left:
            del self.left[key]
            self.report.add("changed", self.key(key), self.where(key), what)

    def move(
        self, key: str | int, target: Target, to: To = (), *, value: Any = SAME, want: Want = "any", why: str = ""
    ) -> bool:
        """Take a key, if it is there, and write its value, or another `value`, at a path of the target.

        A value of another kind than wanted is reported as dropped, as is one whose place is taken. Returns True if it
        was written.
        """
        if key not in self.left:
            return False
        given, to = self.left[key], to or (str(key),)
        path = (*target.name, *to)
        if not _fits(given, want):
            self.drop(key, f"{given!r:.60} is not {WORDS[want]}")
            return False
        if not target.put(to, given if value is SAME else value):
            self.drop(key, f"{dotted(path)} is set already")
            return False
        same = (value is SAME or value == given) and to[-1] == key and not why
        del self.left[key]
        text = dotted(path) + (f"; {why}" if why else "")
        self.report.add("kept" if same else "changed", self.key(key), self.where(key), text, path)
        return True

    def add(self, key: str | int, target: Target, to: str, item: Any, why: str = "", *, name: str = "") -> None:
        """Take a key, and append an item to a list of the target; `name` is the item's, where it is a table."""
        same = self.left.get(key) == item or self.text("name") == item
        new = target.add(to, item)
        del self.left[key]
        text = f"{to}: {name or item}" + (f"; {why}" if why else "" if new else "; it stands there already")
        kept = same and new and not why
        path = (*target.name, to, name or str(item))
        self.report.add("kept" if kept else "changed", self.key(key), self.where(key), text, path)


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _fits(value: object, want: Want) -> bool:
    if want == "number":
        return is_number(value)
    return want == "any" or isinstance(value, str if want == "text" else bool)
