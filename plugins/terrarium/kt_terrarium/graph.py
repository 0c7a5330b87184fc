"""A graph: creatures that are connected by channels, wires and links, and what they share."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kt import Usage

from .channel import Channel
from .journal import GraphLog
from .limits import GraphLimits

if TYPE_CHECKING:
    import asyncio

    from .member import Member
    from .post import Post


@dataclass(slots=True)
class Wire:
    """An edge for what `source` answers at the end of a turn; see `Terrarium.wire_output`."""

    source: str
    target: str
    with_content: bool = True
    prompt: str = ""
    after: int = 0
    origins: str = ""

    def text(self, content: str) -> str:
        """Return what the target reads."""
        said = content if self.with_content else ""
        if self.prompt:
            return self.prompt.replace("{source}", self.source).replace("{content}", said)
        return said or f"{self.source} has finished a turn."


@dataclass(slots=True, eq=False)
class Graph:
    """One connected component of a terrarium.

    `environment` is what its creatures share: JSON data by name; `origins` says what tainted who set a value. `busy`
    are the creatures that work or have something to do; `unsent` are the messages that wait to become durable; `spent`
    is what all of them used, `calls` how many model calls that was; `lineage` names the graphs it came from: (graph,
    session, last event).
    """

    id: str
    name: str = ""
    limits: GraphLimits = field(default_factory=GraphLimits)
    members: "dict[str, Member]" = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    wires: dict[tuple[str, str], Wire] = field(default_factory=dict)
    links: set[frozenset[str]] = field(default_factory=set)
    environment: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    log: GraphLog = field(default_factory=GraphLog)
    root: "Member | None" = None
    busy: "set[Member]" = field(default_factory=set)
    unsent: "deque[Post]" = field(default_factory=deque)
    spent: Usage = field(default_factory=Usage)
    calls: int = 0
    exhausted: str = ""
    lineage: list[tuple[str, str, int]] = field(default_factory=list)
    waiters: "list[asyncio.Future[None]]" = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Tell whether no creature works, or has anything to do."""
        return not (self.busy or self.unsent)

    def changed(self) -> None:
        """Look again at who waits for the graph to become quiet."""
        if self.root is not None:
            others = len(self.busy) > (self.root in self.busy)
            self.root.keep_open(others or bool(self.unsent or self.root.ended))
        if self.waiters and self.quiet:
            waiters, self.waiters = self.waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def sends_on(self, name: str) -> list[Channel]:
        """Return the channels that a creature may send on."""
        return [channel for channel in self.channels.values() if name in channel.senders]

    def hears(self, name: str) -> list[Channel]:
        """Return the channels that a creature listens to."""
        return [channel for channel in self.channels.values() if name in channel.listeners]

    def edges(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of creatures that belong together."""
        for link in self.links:
            a, b = link
            yield a, b
        yield from self.wires
        for channel in self.channels.values():
            names = [*channel.senders, *channel.listeners]
            yield from ((names[0], other) for other in names[1:])


def components(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the connected components, each in the order of `names`."""
    near: dict[str, set[str]] = {name: set() for name in names}
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    found: list[list[str]] = []
    seen: set[str] = set()
    for name in near:
        if name in seen:
            continue
        reached, waiting = {name}, [name]
        while waiting:
            new = near[waiting.pop()] - reached
            reached |= new
            waiting.extend(new)
        seen |= reached
        found.append([n for n in near if n in reached])
    return found
