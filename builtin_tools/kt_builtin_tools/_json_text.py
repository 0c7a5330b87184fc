"""JSON text that is changed in place: what no change names stays as it was written, to the byte."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from kt.errors import DataError, NotFound, nearest

from ._json_pointer import Json, index, parse, pointer_of
from ._text import shown

TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]')
SPACE = " \t\r\n"
BOM = "\ufeff"
MAX_TOKENS = 10_000
"""Looked at for the style of a text."""


@dataclass(slots=True)
class Item:
    """A member or an element as written: white space, key and colon (in an object), value, white space."""

    lead: str
    head: str
    key: str
    node: "Node"
    trail: str = ""


class Node:
    """A value as written, taken apart only where something in it is to change."""

    __slots__ = ("_items", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._items: list[Item] | None = None

    @property
    def is_object(self) -> bool:
        return self._text[0] == "{"

    @property
    def items(self) -> list[Item]:
        """Return what is in an object or array, to be changed. Raises NotFound for any other value."""
        if self._text[0] not in "[{":
            raise NotFound(f"{self._text[:50]} is no object or array")
        if self._items is None:
            self._items = [self._item(begin, colon, end) for begin, colon, end in _spans(self._text)]
        return self._items

    def _item(self, begin: int, colon: int, end: int) -> Item:
        text = self._text
        start = end - len(text[max(begin, colon + 1) : end].lstrip(SPACE))
        value = text[start:end].rstrip(SPACE)
        head = text[begin:start].lstrip(SPACE) if self.is_object else ""
        key = json.loads(text[begin:colon]) if self.is_object else ""
        return Item(text[begin : start - len(head)], head, key, Node(value), text[start + len(value) : end])

    @property
    def text(self) -> str:
        if self._items is None:
            return self._text
        inner = ",".join(f"{i.lead}{i.head}{i.node.text}{i.trail}" for i in self._items)
        return self._text[0] + inner + self._text[-1]

    def number(self, name: str) -> int:
        """Return which item a name means. Raises NotFound, and DataError where two have the name."""
        items = self.items
        if not self.is_object:
            return index(name, len(items))
        found = [n for n, item in enumerate(items) if item.key == name]
        if len(found) > 1:
            raise DataError(f"the name {name!r} is there {len(found)} times", hint="use edit")
        if not found:
            raise NotFound(f"there is no {name!r}", hint=nearest(name, [shown(i.key) for i in items]))
        return found[0]


def _spans(text: str) -> list[tuple[int, int, int]]:
    """Return begin, colon (0: none) and end of each item of an object or array."""
    spans: list[tuple[int, int, int]] = []
    begin, colon, depth = 1, 0, 0
    for token in TOKEN.finditer(text, 1, len(text) - 1):
        mark = token[0][0]
        depth += (mark in "[{") - (mark in "]}")
        if depth == 0 and mark == ",":
            spans.append((begin, colon, token.start()))
            begin, colon = token.end(), 0
        elif depth == 0 and mark == ":":
            colon = token.start()
    return [*spans, (begin, colon, len(text) - 1)] if text[1:-1].strip(SPACE) else []


@dataclass(slots=True)
class Style:
    """How a text is written; `indent` is "" where it stands on one line."""

    indent: str
    newline: str
    colon: str
    comma: str
    ascii: bool

    def dump(self, value: Json, depth: int) -> str:
        """Return a value as text for a place so deep."""
        separators = "," if self.indent else self.comma, self.colon
        indent = self.indent or None
        text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=self.ascii, allow_nan=False)
        return text.replace("\n", self.line(depth)) if indent else text

    def line(self, depth: int) -> str:
        """Return the line break before something so deep."""
        return self.newline + self.indent * depth if self.indent else ""

    def moved(self, text: str, depth: int, to: int) -> str:
        """Return a value's text with its lines indented for another depth."""
        old, new = self.line(depth), self.line(to)
        return text.replace(old, new) if old else text


def style_of(text: str) -> Style:
    """Return the style of a text by the first places that show it; what none shows is as Python writes it."""
    found: dict[str, str] = {}
    for token in islice(TOKEN.finditer(text), MAX_TOKENS):
        mark = token[0][0]
        space = text[token.end() : token.end() + 100]
        space = space[: len(space) - len(space.lstrip(SPACE))]
        if mark in "[{" and "\n" in space:
            found.setdefault("indent", space.rpartition("\n")[2])
        elif mark in ":," and "\n" not in space:
            found.setdefault(mark, mark + space)
    return Style(
        found.get("indent", ""),
        "\r\n" if "\r\n" in text else "\n",
        found.get(":", ": "),
        found.get(",", ", "),
        text.isascii() and "\\u" in text,
    )


class Document:
    """JSON text with values to look up and to change by the names that lead to them.

    Raises DataError for what is no JSON, NotFound for names that lead nowhere.
    """

    def __init__(self, text: str) -> None:
        parse(text)
        body = text.removeprefix(BOM).strip(SPACE)
        self._before, _, self._after = text.partition(body)
        self.style = style_of(text)
        self._root = Node(body)

    @property
    def text(self) -> str:
        return self._before + self._root.text + self._after

    def source(self, names: Sequence[str]) -> str:
        """Return a value as it is written."""
        return self._node(names).text

    def value(self, names: Sequence[str]) -> Json:
        return parse(self.source(names))

    def add(self, names: Sequence[str], text: str) -> None:
        """Set a member, insert an element ("-": at the end), or replace the whole."""
        if not names:
            self._root = Node(text)
            return
        parent, name = self._node(names[:-1]), names[-1]
        if parent.is_object and any(item.key == name for item in parent.items):
            self.replace(names, text)
            return
        with _told(names):
            items = parent.items
            number = len(items) if parent.is_object else index(name, len(items), adding=True)
        head = json.dumps(name, ensure_ascii=self.style.ascii) + self.style.colon if parent.is_object else ""
        self._insert(items, number, Item("", head, name, Node(text)), len(names))

    def replace(self, names: Sequence[str], text: str) -> None:
        """Replace a value that is there."""
        if not names:
            self._root = Node(text)
            return
        items, number = self._place(names)
        items[number].node = Node(text)

    def drop(self, names: Sequence[str]) -> None:
        """Remove a member or an element."""
        if not names:
            raise DataError("the whole document cannot be removed")
        items, number = self._place(names)
        gone = items.pop(number)
        if items and number == 0:
            items[0].lead = gone.lead
        if items and number == len(items):
            items[-1].trail = gone.trail

    def _insert(self, items: list[Item], number: int, item: Item, depth: int) -> None:
        """Insert an item with the white space that its neighbours have."""
        if not items:
            item.lead, item.trail = self.style.line(depth), self.style.line(depth - 1)
        elif number < len(items):
            item.lead = items[number].lead
            if number == 0:
                items[0].lead = self._between(items)
        else:
            item.lead = self._between(items)
            item.trail, items[-1].trail = items[-1].trail, ""
        items.insert(number, item)

    def _between(self, items: Sequence[Item]) -> str:
        """Return the white space before an item that is not the first."""
        if len(items) > 1:
            return items[1].lead
        return items[0].lead if "\n" in items[0].lead else self.style.comma[1:]

    def _node(self, names: Sequence[str]) -> Node:
        node = self._root
        for depth in range(1, len(names) + 1):
            items, number = self._at(node, names[:depth])
            node = items[number].node
        return node

    def _place(self, names: Sequence[str]) -> tuple[list[Item], int]:
        return self._at(self._node(names[:-1]), names)

    def _at(self, parent: Node, names: Sequence[str]) -> tuple[list[Item], int]:
        """Return the items of the parent and which of them the last name means."""
        with _told(names):
            return parent.items, parent.number(names[-1])


@contextmanager
def _told(names: Sequence[str]) -> Iterator[None]:
    """Add the pointer to what is not found."""
    try:
        yield
    except NotFound as error:
        raise NotFound(error.what, where=pointer_of(names), hint=error.hint) from error
