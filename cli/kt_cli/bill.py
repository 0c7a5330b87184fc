"""What the prompt of an agent consists of before anything is said, by who put it there."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .chains import place_of
from .inventory import packages_of

if TYPE_CHECKING:
    from kt import Agent, Tool

CHARS_A_TOKEN = 4
"""The estimate that compaction goes by as well; what a model's own tokenizer counts differs with model and language."""
BETWEEN = "\n\n"
"""What stands between two sections of the system prompt."""


@dataclass(frozen=True, slots=True)
class Item:
    """One part of what each request carries: what it is (a section, a tool, a skill), whose, and its characters."""

    kind: str
    name: str
    origin: str
    characters: int

    @property
    def tokens(self) -> int:
        """Return the estimate."""
        return round(self.characters / CHARS_A_TOKEN)


def bill_of(agent: "Agent") -> list[Item]:
    """Return what a started agent sends with each request besides its messages, the longest first.

    The sections of the system prompt add up to `agent.system`, separators included; a tool is taken as the compact
    JSON of name, description and parameters, which is what wires send but for a few characters of their own. A plugin
    or tool that puts in what belongs to others names them in `prompt_shares`: (kind, name, text), as for skills, or
    (kind, name, text, origin) where another distribution brings it.
    """
    items = [*_sections(agent), *(item for tool in agent.tool_list for item in _tool(agent, tool))]
    return sorted(items, key=lambda item: -item.characters)


def _sections(agent: "Agent") -> Iterator[Item]:
    plugins = {active.name: active for active in agent.active}
    for number, (name, text) in enumerate(agent.prompt):
        size = len(text) + (len(BETWEEN) if number else 0)
        if name == agent.name and not number and agent.creature.prompt:
            yield Item("creature", name, str(agent.creature.path or "given"), size)
        else:
            active = plugins[name]
            yield from _shared(Item("plugin", name, active.dist or "given", size), active.plugin, text)


def _tool(agent: "Agent", tool: "Tool") -> Iterator[Item]:
    table = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    wire = _json(table)
    yield from _shared(Item("tool", tool.name, origin_of(agent, tool), len(wire)), tool, wire)


def _shared(item: Item, owner: object, text: str) -> Iterator[Item]:
    """Yield the shares of others in a text, and the item with what is left."""
    left = item.characters
    shares: Iterable[tuple[str, ...]] = getattr(owner, "prompt_shares", ())
    for kind, name, share, *origin in shares:
        form = share if share in text else _json(share)[1:-1]
        if form in text:
            left -= len(form)
            yield Item(kind, name, origin[0] if origin else item.origin, len(form))
    yield Item(item.kind, item.name, item.origin, left)


def origin_of(agent: "Agent", tool: "Tool") -> str:
    """Return where a tool comes from: what it says itself (`origin`), its distribution, or its file and line."""
    if said := getattr(tool, "origin", ""):
        return str(said)
    function = tool.function
    dist = packages_of(agent.host.plugins).get(str(getattr(function, "__module__", "")).partition(".")[0])
    return dist or place_of(function)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
