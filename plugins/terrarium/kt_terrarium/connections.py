"""Who is in an engine, and what connects them; each of these changes what graphs there are."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from kt.errors import NotFound, nearest

from . import edges
from .channel import Channel
from .graph import Graph, Wire
from .member import Member

if TYPE_CHECKING:
    from .engine import Terrarium

T = TypeVar("T")
Named = str | Member
"""A creature of the engine, or its name."""


class Connections:
    """The creatures of an engine by name, its graphs by id, and the ways to connect and disconnect them.

    `kept` says that one of the creatures keeps a session, so that changes wait for the disk.
    """

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.graphs: dict[str, Graph] = {}
        self.lock = asyncio.Lock()
        self.kept = False

    @property
    def _engine(self) -> "Terrarium":
        return cast("Terrarium", self)

    async def change(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Change what graphs there are, one change at a time; it is whole, whoever is cancelled that asked for it."""

        async def alone() -> T:
            async with self.lock:
                return await work()

        if not self.kept:
            return await alone()  # nothing in it waits, so nothing can be cut
        task = self._engine.host.spawn(alone(), name="a change of graphs", failed=lambda error: None)
        return await asyncio.shield(task)

    def member(self, creature: Named) -> Member:
        """Return a creature by name. Raises NotFound with the nearest names, and for one that was removed."""
        name = creature if isinstance(creature, str) else creature.name
        found = self.members.get(name)
        if found is None or (isinstance(creature, Member) and found is not creature):
            raise NotFound(f"no creature {name!r} in this terrarium", hint=nearest(name, self.members))
        return found

    def graph_of(self, creature: Named) -> Graph:
        """Return the graph that a creature is in."""
        return self.member(creature).graph

    async def connect(self, sender: Named, listener: Named, *, channel: str | None = None) -> Channel:
        """Let `listener` hear what `sender` sends on a channel; their graphs become one.

        The channel is made where it is missing, and called "SENDER_to_LISTENER" where it is given no name.
        """
        a, b = self.member(sender).name, self.member(listener).name
        return await self.add_channel(channel or f"{a}_to_{b}", senders=[sender], listeners=[listener])

    async def disconnect(self, sender: Named, listener: Named, *, channel: str | None = None) -> None:
        """Take `listener` off the channels that `sender` sends on, or off one; the graph may fall in two."""
        await self.change(lambda: edges.disconnect(self._engine, self.member(sender), self.member(listener), channel))

    async def add_channel(
        self,
        name: str,
        *,
        senders: Sequence[Named] = (),
        listeners: Sequence[Named] = (),
        type: str | None = None,
        description: str = "",
        capacity: int | None = None,
    ) -> Channel:
        """Make a channel between creatures, or let more of them join one; their graphs become one.

        type: "broadcast", or "queue" where each message goes to one listener. capacity: how many messages may wait.
        Raises ConfigError where the channel is there with another type, and NotFound.
        """
        return await self.change(
            lambda: edges.join(
                self._engine,
                name,
                [self.member(m) for m in senders],
                [self.member(m) for m in listeners],
                type,
                description,
                capacity,
            )
        )

    async def remove_channel(self, name: str, *, of: "Named | Graph") -> None:
        """Remove a channel from a graph; the graph may fall apart. Raises NotFound."""
        await self.change(
            lambda: edges.remove_channel(self._engine, of if isinstance(of, Graph) else self.graph_of(of), name)
        )

    async def wire_output(
        self, source: Named, target: Named, *, with_content: bool = True, prompt: str = "", origins: str = ""
    ) -> Wire:
        """Make what `source` answers at the end of each turn input of `target`; their graphs become one.

        prompt: what the target reads, with {source} and {content}. with_content: False tells only that a turn ended.
        origins: what taints who reads the prompt.
        """

        def add() -> Coroutine[Any, Any, Wire]:
            a, b = self.member(source), self.member(target)
            return edges.wire(self._engine, Wire(a.name, b.name, with_content, prompt, a.done, origins))

        return await self.change(add)

    async def unwire_output(self, source: Named, target: Named) -> None:
        """Remove a wire; the graph may fall in two. Raises NotFound."""
        await self.change(lambda: edges.unwire(self._engine, self.member(source), self.member(target)))

    async def assign_root(self, creature: Named) -> Member:
        """Make a creature the one that users talk to.

        It becomes privileged, hears all others on the channel "report_to_root", and has a channel to each of them,
        called like it. A run of it ends when its graph has become quiet.
        """
        return await self.change(lambda: edges.assign_root(self._engine, self.member(creature)))
