"""Where a creature's files name the tools, plugins and other things that are looked up by their names."""

from collections.abc import Iterator

from .tree import Node

KINDS = {
    "plugins": "plugin",
    "guards": "plugin",
    "tools": "tool",
    "subagents": "subagent",
    "triggers": "trigger",
    "outputs": "output",
    "input": "input",
}
"""The keys of a creature that name things, and the kinds of these."""


def places_of(creature: Node) -> dict[str, str]:
    """Return "KIND NAME" -> "file:line:col" of all that a creature and its variants name, the creature's own first."""
    variants = creature.below("variants")
    found: dict[str, str] = {}
    for part in (creature, *(variants.table().values() if variants is not None else ())):
        for key, kind in KINDS.items():
            for name, at in _named(part.below(key), inside=key == "plugins"):
                found.setdefault(f"{kind} {name}", at.where())
    return found


def _named(node: Node | None, *, inside: bool) -> Iterator[tuple[str, Node]]:
    """Yield the names of a value, each with where it stands; with `inside` a table's keys are names."""
    if node is None:
        return
    for item in node.items() or (node,):
        if isinstance(item.value, str):
            yield item.value, item
        elif inside:
            yield from item.table().items()
        elif (name := item.below("name")) is not None:
            yield str(name.value), item
