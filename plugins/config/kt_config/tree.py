"""Configuration as a tree in which each value knows the file and the place it comes from."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from kt.errors import DataError, KTError

from .documents import Keys, interpolate

MAX_DEPTH = 100


class Source(Protocol):
    """What says something of a creature: a file, an entry of a recipe, or the command line."""

    @property
    def data(self) -> dict[str, Any]: ...
    @property
    def path(self) -> Path: ...
    def where(self, keys: Keys, /) -> str: ...


@dataclass(slots=True)
class Node:
    """A value and its place; the values of a table, a dict, and the items of a list are nodes again."""

    value: Any
    source: Source
    keys: tuple[str | int, ...] = ()

    def where(self) -> str:
        """Return the place, as "file:line:col"."""
        return self.source.where(self.keys)

    def place(self, keys: Keys) -> str:
        """Return the place of what stands below this under `keys`, or of the nearest above it."""
        node, rest = self, list(keys)
        while rest and (below := node.below(rest[0])) is not None:
            node, rest = below, rest[1:]
        return node.source.where((*node.keys, *rest))

    def below(self, key: str | int) -> "Node | None":
        """Return what stands under a key or an index, None where nothing does."""
        found: Node | None = None
        if isinstance(self.value, dict):
            found = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            found = self.value[key]
        return found

    def table(self) -> "dict[str, Node]":
        """Return the nodes of a table by key; {} for what is none."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> "Sequence[Node]":
        """Return the nodes of a list; () for what is none."""
        return self.value if isinstance(self.value, list) else ()

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


def tree(source: Source) -> Node:
    """Return what a source says, with the place of each value. Raises DataError for more than 100 levels."""
    return _tree(source.data, source, ())


def _tree(value: Any, source: Source, keys: tuple[str | int, ...]) -> Node:
    if len(keys) > MAX_DEPTH:
        raise DataError(f"more than {MAX_DEPTH} levels of tables and lists", where=source.where(keys[:1]))
    if isinstance(value, dict):
        value = {key: _tree(inner, source, (*keys, key)) for key, inner in value.items()}
    elif isinstance(value, list | tuple):
        value = [_tree(inner, source, (*keys, index)) for index, inner in enumerate(value)]
    return Node(value, source, keys)


def filled(node: Node) -> Node:
    """Return a node with ${VAR} and ${VAR:default} of the environment filled in. Raises DataError for an unset one."""
    if isinstance(node.value, dict):
        return replace(node, value={key: filled(inner) for key, inner in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[filled(inner) for inner in node.value])

    def unset(keys: Keys, name: str) -> KTError:
        return DataError(f"{name} is not set", where=node.where(), hint=f"set {name}, or write a default")

    return replace(node, value=interpolate(node.value, os.environ, unset))
