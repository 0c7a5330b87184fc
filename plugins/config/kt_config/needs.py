"""What a creature says it may reach: its `needs`, with those of its bases."""

from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import DataError, nearest

from .documents import load_file
from .inheritance import resolved
from .references import find
from .tree import Node

if TYPE_CHECKING:
    from kt import Plugins

WHAT = {
    "reads": 'what it may read: "$WS" is the working folder, "*" anything',
    "writes": "what it may change, likewise",
    "net": 'hosts it may reach, "*" for any',
    "exec": 'programs it may run, "any" for any',
    "secrets": "names of environment variables with secrets it may use",
    "listen": 'ports it may listen on, "*" for any',
}


def needs_of(plugins: "Plugins", ref: str | Path) -> dict[str, tuple[str, ...]]:
    """Return what a creature and its bases say they need; a key that none of them says is left out.

    Raises NotFound, and DataError with file:line:col.
    """
    document = load_file(find(plugins, str(ref)), plugins.registry)
    for key in document.data:
        if plugins.registry.find("document", key) is not None:
            raise DataError(f"{str(ref)!r} is no creature but a {key}", where=document.where([key]))
    return needs_in(resolved(plugins, document))


def needs_in(root: Node) -> dict[str, tuple[str, ...]]:
    """Return the `needs` of a creature's tree. Raises DataError with the place, and the nearest key."""
    table = root.below("needs")
    needs: dict[str, tuple[str, ...]] = {}
    for key, node in (table.table() if table is not None else {}).items():
        if key not in WHAT:
            raise DataError(f"unknown key {key!r}", where=node.where(), hint=nearest(key, WHAT))
        if not isinstance(node.value, list) or not all(isinstance(item.value, str) for item in node.value):
            raise DataError(f"needs.{key} must be a list of texts", where=node.where())
        needs[key] = tuple(node.plain())
    return needs
