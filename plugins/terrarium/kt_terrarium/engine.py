"""The engine: many creatures in one process, connected at run time. It runs no model of its own."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from kt import Creature, Host, Part, Status, TurnResult
from kt.errors import UsageError
from kt.events import Event

from . import edges, supervision, team
from .adding import Maker
from .connections import Connections, Named
from .delivery import Delivery, graph_with
from .events import CreatureStarted, CreatureStopped, EnvironmentSet, GraphEvent
from .feeds import Feed, Feeds
from .graph import Graph
from .limits import GraphLimits
from .member import Member, MemberStatus
from .post import Post
from .recipe import load
from .replay import Happened, replay
from .resume import from_session
from .wiring import wire_answer


class Terrarium(Connections):
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
        super().__init__()
        self.host, self._own_host = host or Host(), host is None
        self.limits = limits or GraphLimits()
        self.delivery, self.feeds = Delivery(self), Feeds(self)
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
        """Stop every creature, and close what the engine opened; raise the first of what went wrong after that."""
        async with self.lock:
            pass  # a change of graphs that has begun is ended
        stopping = [self._stop(member) for member in self.members.values()]
        ended: list[object] = [*await asyncio.gather(*stopping, return_exceptions=True)]
        closing = [graph.log.close() for graph in self.graphs.values()]
        ended += await asyncio.gather(*closing, return_exceptions=True)
        self.feeds.close()
        if self._own_host:
            await self.host.close()
        for failure in ended:
            if isinstance(failure, BaseException):
                raise failure

    async def start(self, creature: Named | None = None) -> None:
        """Start a creature, or all that are stopped. Raises NotFound, and what the agent's start raises."""
        for member in self._chosen(creature):
            if not member.agent.started:
                await member.agent.start()
                if not member.agent.started:
                    raise UsageError(f"{member.name} was stopped while it started")
                member.state, member.error = "idle", ""
                member.halted = False
                self.record(member.graph, CreatureStarted(member.name))
            self.delivery.hand_stored(member)

    async def stop(self, creature: Named | None = None) -> None:
        """Stop a creature, or all; each keeps its place, and what comes for it. Raises NotFound."""
        for member in self._chosen(creature) if creature is None else [self._own(creature)]:
            if await self._stop(member):
                member.halted = True
                self.record(member.graph, CreatureStopped(member.name))

    async def _stop(self, member: Member) -> bool:
        agent = member.agent
        stops = member.owned and agent.started  # a team's root is stopped by who started it
        if stops:
            await agent.stop()
        if stops := stops or member.reviving:
            member.state = "stopped"
        member.graph.busy.discard(member)
        member.graph.changed()
        return stops

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

        def add() -> Coroutine[Any, Any, Member]:
            home = self.graph_of(graph) if isinstance(graph, str | Member) else graph
            return self.maker.add(creature, name, home, is_privileged, restart, given)

        member = await self.change(add)
        try:
            if start:
                await self.start(member)
        except BaseException:
            await asyncio.shield(self.remove_creature(member))
            raise
        return member

    async def remove_creature(self, creature: Named) -> None:
        """Stop a creature and take it out; what only it held together falls apart. Raises NotFound."""
        member = self._own(creature)
        await self.stop(member)
        await self.change(lambda: edges.remove(self, self.member(member)))

    def _own(self, creature: Named) -> Member:
        """Return a creature whose life is the engine's. Raises UsageError for one that somebody else started."""
        member = self.member(creature)
        if not member.owned:
            raise UsageError(f"{member.name} is the creature that users talk to", hint="who started it ends it")
        return member

    def _chosen(self, creature: Named | None) -> list[Member]:
        return [*self.members.values()] if creature is None else [self.member(creature)]

    # Recipes and sessions

    @classmethod
    async def from_recipe(cls, recipe: str | Path | Mapping[str, Any], **options: Any) -> "Terrarium":
        """Return an engine with the team of a recipe, started; options are those of Terrarium.

        recipe: a reference, a path, or what the file would hold. Raises NotFound, and DataError with file:line:col.
        """
        engine = cls(**options)
        return await team.brought_up(engine, engine.apply_recipe(recipe))

    async def apply_recipe(self, recipe: str | Path | Mapping[str, Any]) -> Graph:
        """Add the team of a recipe to this engine, and start it; return its graph. Of one that fails nothing stays."""
        before = set(self.members)
        try:
            graph = await team.apply(self, load(self.host.plugins, recipe))
            for member in list(graph.members.values()):
                await self.start(member)
        except BaseException:
            for name in [name for name in self.members if name not in before]:
                await self.remove_creature(name)
            raise
        return graph

    @classmethod
    async def resume(
        cls, session: str | Path, *, creatures: Mapping[str, Mapping[str, Any]] | None = None, **options: Any
    ) -> "Terrarium":
        """Return an engine with the graph that a session keeps, as it was; turns that were cut go on.

        creatures: what single creatures were given as objects (tools, llm ...), by name. Raises NotFound, and what
        `Agent.resume` raises.
        """
        engine = cls(**options)
        return await team.brought_up(engine, from_session(engine, session, creatures or {}))

    @staticmethod
    def replay(
        session: str | Path, *kinds: str, creature: str | None = None, channel: str | None = None
    ) -> Iterator[Happened]:
        """Yield what happened in the graph that a session keeps, oldest first: its own events and its creatures'."""
        return replay(session, *kinds, creature=creature, channel=channel)

    # Messages, and what is shared

    async def send(
        self, channel: str, text: str, *, sender: str = "user", of: "Named | Graph | None" = None,
        media: Sequence[Part] = (),
    ) -> Post:  # fmt: skip
        """Send on a channel, as a creature or as anybody else; return the message once it is kept and handed on.

        of: the graph of the channel; needed where the sender is no creature and several graphs have such a channel.
        Raises NotFound, and LimitReached where a queue is full or the graph's budget is spent.
        """
        graph = graph_with(self, channel, sender, of)
        member = self.members.get(sender)
        post = self.delivery.post(graph, graph.channels[channel], sender, text, media=media, member=member)
        await self.delivery.send(graph, post)
        return post

    def environment(self, of: Named) -> Mapping[str, Any]:
        """Return what the creatures of a graph share; `set_environment` changes it."""
        return self.graph_of(of).environment

    def set_environment(self, of: Named, key: str, value: Any, *, by: str = "", origins: str = "") -> None:
        """Set a value that the creatures of a graph share; None takes it away. It must be JSON data.

        origins: what taints who reads it.
        """
        graph = self.graph_of(of)
        if value is None:
            graph.environment.pop(key, None)
            graph.origins.pop(key, None)
        else:
            graph.environment[key], graph.origins[key] = value, origins
        self.record(graph, EnvironmentSet(key, value, by, origins))

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
        """Run the root, or the only creature, until its graph is quiet. Raises UsageError where there are several."""
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

    def turn_ended(self, member: Member, turn: int, result: TurnResult, *, told: bool) -> None:
        """Take up a creature that crashed, and wire an answer on, unless that is `told`."""
        member.usage.add(result.usage)
        if result.status is Status.failed and member.owned and not member.attended:
            supervision.crashed(self, member, result)
        elif result.ok and not told:
            wire_answer(self, member, turn, result.text)
