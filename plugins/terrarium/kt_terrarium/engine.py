"""The engine: many creatures in one process, connected at run time. It runs no model of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from kt import Creature, Host, Part, Status, TurnResult, Usage
from kt.errors import LimitReached, NotFound, UsageError, nearest
from kt.events import Event

from . import supervision, topology
from .adding import Maker
from .channel import Channel
from .delivery import Delivery
from .events import CreatureStarted, CreatureStopped, EnvironmentSet, GraphEvent, GraphLimitReached
from .feeds import Feed, Feeds
from .graph import Graph, GraphLimits, Wire
from .member import Member, MemberStatus
from .post import Post
from .wiring import wire_answer

Named = str | Member
"""A creature of the engine, or its name."""


class Terrarium:
    """Host creatures in a living graph: `async with Terrarium() as engine: await engine.add_creature(...)`.

    pwd: the working folder of creatures that are given none. session_dir: where each new creature keeps its session;
    None keeps none. host: shared with other agents; the engine's own where None. Every further keyword is a default
    for the `Agent.build` of each creature (llm, profile, plugins, guards, unguarded ...). A creature that is added
    alone is a graph of its own; connecting makes one graph of two, and removing the last connection makes two again.
    """

    def __init__(
        self,
        *,
        pwd: str | Path | None = None,
        session_dir: str | Path | None = None,
        host: Host | None = None,
        limits: GraphLimits | None = None,
        **defaults: Any,
    ) -> None:
        self.host, self._own_host = host or Host(), host is None
        self.limits = limits or GraphLimits()
        self.members: dict[str, Member] = {}
        self.graphs: dict[str, Graph] = {}
        self.delivery, self.feeds = Delivery(self), Feeds(self)
        self.lock = asyncio.Lock()
        self.maker = Maker(self, pwd, session_dir, defaults)
        self._numbers = count(1)

    # Life

    async def __aenter__(self) -> "Terrarium":
        await self.host.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop every creature, and close what the engine opened."""
        await self.stop()
        for graph in self.graphs.values():
            await graph.log.close()
        self.feeds.close()
        if self._own_host:
            await self.host.close()

    async def start(self, creature: Named | None = None) -> None:
        """Start a creature, or all that are stopped. Raises NotFound, and what the agent's start raises."""
        for member in self._chosen(creature):
            if not member.agent.started:
                await member.agent.start()
                member.state, member.error = "idle", ""
                self.record(member.graph, CreatureStarted(member.name))
            self.delivery.hand_stored(member)

    async def stop(self, creature: Named | None = None) -> None:
        """Stop a creature, or all; each keeps its place, and what comes for it. Raises NotFound."""
        for member in self._chosen(creature):
            if member.agent.started:
                await member.agent.stop()
                member.state = "stopped"
                self.record(member.graph, CreatureStopped(member.name))
            member.graph.busy.discard(member)
            member.graph.changed()

    # Creatures

    async def add_creature(
        self,
        creature: str | Path | Mapping[str, Any] | Creature,
        *,
        name: str | None = None,
        llm: object = None,
        pwd: str | Path | None = None,
        session: str | Path | bool | None = None,
        tools: Sequence[object] = (),
        is_privileged: bool = False,
        input: object = None,
        outputs: Sequence[object] = (),
        triggers: Sequence[object] = (),
        subagents: Sequence[object] = (),
        graph: "Named | Graph | None" = None,
        restart: str | Mapping[str, Any] | supervision.Restart = "on-failure",
        start: bool = True,
        **options: Any,
    ) -> Member:
        """Add a creature and start it; return it.

        creature: as for `Agent.build`, read once per engine. name: unique in the engine; made so where None. pwd: its
        own working folder. session: a path, True for a new one, False for none. is_privileged: it gets the tools
        `group_*`. graph: whose graph it joins, a creature or a Graph. restart: when it is started again after a crash,
        "on-failure", "never" or a table. Raises what `Agent.build` raises, and LimitReached for one creature too many.
        """
        given = {"llm": llm, "pwd": pwd, "session": session, "tools": tools, "input": input, "outputs": outputs}
        given |= {"triggers": triggers, "subagents": subagents, **options}
        async with self.lock:
            home = self.graph_of(graph) if isinstance(graph, str | Member) else graph
            member = await self.maker.add(creature, name, home, is_privileged, restart, given)
        if start:
            await self.start(member)
        return member

    async def remove_creature(self, creature: Named) -> None:
        """Stop a creature and take it out; what only it held together falls apart. Raises NotFound."""
        member = self.member(creature)
        await self.stop(member)
        async with self.lock:
            await topology.remove(self, member)

    def member(self, creature: Named) -> Member:
        """Return a creature by name. Raises NotFound with the nearest names."""
        name = creature if isinstance(creature, str) else creature.name
        if (found := self.members.get(name)) is None:
            raise NotFound(f"no creature {name!r} in this terrarium", hint=nearest(name, self.members))
        return found

    def graph_of(self, creature: Named) -> Graph:
        """Return the graph that a creature is in."""
        return self.member(creature).graph

    def _chosen(self, creature: Named | None) -> list[Member]:
        return [*self.members.values()] if creature is None else [self.member(creature)]

    # Connections

    async def connect(self, sender: Named, listener: Named, *, channel: str | None = None) -> Channel:
        """Let `listener` hear what `sender` sends on a channel; their graphs become one.

        The channel is made where it is missing, and called "SENDER_to_LISTENER" where it is given no name.
        """
        a, b = self.member(sender), self.member(listener)
        name = channel or f"{a.name}_to_{b.name}"
        return await self.add_channel(name, senders=[a], listeners=[b])

    async def disconnect(self, sender: Named, listener: Named, *, channel: str | None = None) -> None:
        """Take `listener` off the channels that `sender` sends on, or off one; the graph may fall in two."""
        async with self.lock:
            await topology.disconnect(self, self.member(sender), self.member(listener), channel)

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
        who = [self.member(m) for m in senders], [self.member(m) for m in listeners]
        async with self.lock:
            return await topology.join(self, name, *who, type, description, capacity)

    async def remove_channel(self, name: str, *, of: "Named | Graph") -> None:
        """Remove a channel from a graph; the graph may fall apart. Raises NotFound."""
        async with self.lock:
            await topology.remove_channel(self, of if isinstance(of, Graph) else self.graph_of(of), name)

    async def wire_output(self, source: Named, target: Named, *, with_content: bool = True, prompt: str = "") -> Wire:
        """Make what `source` answers at the end of each turn input of `target`; their graphs become one.

        prompt: what the target reads, with {source} and {content}. with_content: False tells only that a turn ended.
        """
        a, b = self.member(source), self.member(target)
        async with self.lock:
            return await topology.wire(self, Wire(a.name, b.name, with_content, prompt, a.agent.turns))

    async def unwire_output(self, source: Named, target: Named) -> None:
        """Remove a wire; the graph may fall in two. Raises NotFound."""
        async with self.lock:
            await topology.unwire(self, self.member(source), self.member(target))

    async def assign_root(self, creature: Named) -> Member:
        """Make a creature the one that users talk to.

        It becomes privileged, hears all others on the channel "report_to_root", and has a channel to each of them,
        called like it. A run of it ends when its graph has become quiet.
        """
        async with self.lock:
            return await topology.assign_root(self, self.member(creature))

    # Messages, and what is shared

    async def send(
        self, channel: str, text: str, *, sender: str = "user", of: "Named | Graph | None" = None,
        media: Sequence[Part] = (),
    ) -> Post:  # fmt: skip
        """Send on a channel, as a creature or as anybody else; return the message once it is kept and handed on.

        of: the graph of the channel; needed where the sender is no creature and several graphs have such a channel.
        Raises NotFound, and LimitReached where a queue is full or the graph's budget is spent.
        """
        graph = self._graph_with(channel, sender, of)
        member = self.members.get(sender)
        post = self.delivery.post(graph, graph.channels[channel], sender, text, media=media, member=member)
        await self.delivery.send(graph, post)
        return post

    def _graph_with(self, channel: str, sender: str, of: "Named | Graph | None") -> Graph:
        if of is not None or sender in self.members:
            home = of if isinstance(of, Graph) else self.graph_of(of or sender)
            graphs = [home] if channel in home.channels else []
        else:
            graphs = [graph for graph in self.graphs.values() if channel in graph.channels]
        if len(graphs) == 1:
            return graphs[0]
        known = {name for graph in self.graphs.values() for name in graph.channels}
        if graphs:
            raise UsageError(f"{len(graphs)} graphs have a channel {channel!r}", hint="say whose: of=CREATURE")
        raise NotFound(f"no channel {channel!r}", hint=nearest(channel, known))

    def environment(self, of: Named) -> Mapping[str, Any]:
        """Return what the creatures of a graph share; `set_environment` changes it."""
        return self.graph_of(of).environment

    def set_environment(self, of: Named, key: str, value: Any, *, by: str = "") -> None:
        """Set a value that the creatures of a graph share; None takes it away. It must be JSON data."""
        graph = self.graph_of(of)
        if value is None:
            graph.environment.pop(key, None)
        else:
            graph.environment[key] = value
        self.record(graph, EnvironmentSet(key, value, by))

    # Watching

    def subscribe(
        self, *kinds: type[Event], creature: str | None = None, graph: str | None = None,
        channel: str | None = None, buffer: int = 1000,
    ) -> AbstractAsyncContextManager[Feed]:  # fmt: skip
        """Yield what happens from now on, in order: `async with engine.subscribe() as feed: async for seen in feed`.

        kinds: event types, of the engine and of its agents; none is all of them. What overflows is dropped and counted.
        """
        return self.feeds.open(kinds, creature, graph, channel, buffer)

    def status(self) -> list[MemberStatus]:
        """Return what each creature is doing, in the order in which they were added."""
        return [member.status() for member in self.members.values()]

    async def quiet(self, of: Named | None = None) -> None:
        """Wait until no creature of a graph, or of any, works or has anything to do."""
        while busy := [g for g in self.graphs.values() if not g.quiet and (of is None or g is self.graph_of(of))]:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            busy[0].waiters.append(waiter)
            await waiter

    async def run(self, content: str | Part | list[Part], *, timeout: float | None = None) -> TurnResult:
        """Run the root, or the only creature, until its graph has become quiet. Raises UsageError where there is none."""
        roots = [graph.root for graph in self.graphs.values() if graph.root is not None] or [*self.members.values()]
        if len(roots) != 1:
            raise UsageError("which creature runs?", hint="give the graph a root, or call run of a creature")
        return await roots[0].run(content, timeout=timeout)

    # What the parts of the engine call

    def record(self, graph: Graph, event: GraphEvent) -> None:
        """Keep an event of a graph, and show it to who watches."""
        event.seq = graph.log.append(event)
        if self.feeds.any:
            self.feeds.publish(graph.id, str(getattr(event, "creature", "")), event)

    def new_graph_id(self) -> str:
        """Return an id that no other graph has."""
        return f"g{self.delivery.nonce}{next(self._numbers)}"

    def turn_ended(self, member: Member, turn: int, result: TurnResult) -> None:
        """Wire an answer on, and take up a creature that crashed."""
        member.usage.add(result.usage)
        if result.status is Status.failed and not member.attended and member.state != "restarting":
            supervision.crashed(self, member, result)
        elif result.ok:
            wire_answer(self, member, turn, result)

    def spent(self, member: Member, usage: Usage) -> None:
        """Count what a model call used; end everything in a graph that has spent what it may."""
        graph, limits = member.graph, member.graph.limits
        graph.spent.add(usage)
        graph.calls += 1
        over = topology.exceeded(graph, limits)
        if over and not graph.exhausted:
            graph.exhausted = over
            self.record(graph, GraphLimitReached(over))
            for other in graph.members.values():
                if other.agent.turn is not None:
                    other.agent.turn.cancel(LimitReached(over, where=f"graph {graph.name or graph.id}"))
