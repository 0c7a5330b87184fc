"""Graphs merge where an edge joins them, and fall apart where the last one goes. No history is ever copied."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from kt.errors import ConfigError

from . import events
from .channel import Channel
from .graph import Graph, Wire, components
from .limits import check_room

if TYPE_CHECKING:
    from .engine import Terrarium
    from .member import Member


async def open_log(engine: "Terrarium", graph: Graph) -> None:
    """Keep a graph's events in the session of its first creature that has one; say what it is so far."""
    if graph.log.lasting:
        return
    used = {g.log.path for g in engine.graphs.values()}
    sessions = [m.session for m in graph.members.values() if m.session is not None]
    if not sessions or engine.host.registry.find("store", "journal") is None:
        return
    home = next((path for path in sessions if path not in used), None)
    if home is None:
        home = sessions[0].with_name(f"{sessions[0].stem}-{graph.id}{sessions[0].suffix}")
    await graph.log.open(engine.host, home)
    limits = {name: value for name, value in asdict(graph.limits).items() if value is not None}
    engine.record(graph, events.GraphCreated(graph.id, graph.name, graph.lineage, limits))
    describe(engine, graph)


def describe(engine: "Terrarium", graph: Graph, members: "Iterable[Member] | None" = None) -> None:
    """Record what a graph consists of now, or some members' part of it: state, never history."""
    chosen = {m.name: m for m in (graph.members.values() if members is None else members)}
    for member in chosen.values():
        engine.record(graph, added(graph, member))
        if member.halted:
            engine.record(graph, events.CreatureStopped(member.name))
    for a, b in (sorted(link) for link in graph.links):
        if a in chosen:
            engine.record(graph, events.Linked(a, b))
    for channel in graph.channels.values():
        if channel.members & chosen.keys():
            tell_channel(engine, graph, channel)
    for wire in graph.wires.values():
        if wire.source in chosen:
            wire.after = max(wire.after, chosen[wire.source].told)
            engine.record(graph, wire_event(wire))
    if members is None:
        for key, value in graph.environment.items():
            engine.record(graph, events.EnvironmentSet(key, value, "", graph.origins.get(key, "")))
    waiting = engine.delivery.undelivered(chosen.values())
    queued = [post for channel in graph.channels.values() for post in channel.backlog]
    for post in (*waiting, *queued):
        engine.record(graph, post.event)


def added(graph: Graph, member: "Member") -> events.CreatureAdded:
    """Return the event that says how a creature belongs to a graph."""
    session = ""
    if member.session is not None:
        near = graph.log.path is not None and member.session.parent == graph.log.path.parent
        session = member.session.name if near else str(member.session)
    root = member is graph.root
    return events.CreatureAdded(
        member.name, session, member.privileged, root, member.restart.policy, member.agent.turns
    )


def tell_channel(engine: "Terrarium", graph: Graph, channel: Channel) -> None:
    """Record a channel with who is on it."""
    made = events.ChannelAdded(channel.name, channel.type, channel.description, channel.capacity)
    engine.record(graph, made)
    for name in channel.senders:
        engine.record(graph, events.ChannelJoined(channel.name, name, "send"))
    for name in channel.listeners:
        engine.record(graph, events.ChannelJoined(channel.name, name, "listen"))


def wire_event(wire: Wire) -> events.WireAdded:
    return events.WireAdded(wire.source, wire.target, wire.with_content, wire.prompt, wire.after, wire.origins)


async def placed(graph: Graph, names: Iterable[str]) -> None:
    """Give creatures the tools of their place, and tell those that run."""
    for name in names:
        if (member := graph.members.get(name)) is not None:
            member.engine.maker.equip(member)
            if member.agent.started:
                await member.agent.refresh_prompt()


async def unite(engine: "Terrarium", members: "Sequence[Member]") -> Graph:
    """Return the one graph of some creatures: the largest of theirs, which takes the others in."""
    graphs = list({m.graph.id: m.graph for m in members}.values())
    kept = max(graphs, key=lambda g: (g.root is not None, len(g.members)))
    others = [g for g in graphs if g is not kept]
    alone = [[*g.members] for g in graphs if others and len(g.members) == 1]
    check_room(kept.limits, sum(len(g.members) for g in graphs))
    for other in others:
        _must_fit(kept, other)
    await open_log(engine, kept)
    for other in others:
        await open_log(engine, other)
        await engine.delivery.drained(other)
        _take_in(engine, kept, other)
        await other.log.close()
    await placed(kept, [name for g in alone for name in g])
    return kept


def _must_fit(kept: Graph, other: Graph) -> None:
    for name, channel in other.channels.items():
        if name in kept.channels and kept.channels[name].type != channel.type:
            raise ConfigError(f"both graphs have a channel {name!r}, of different types", hint="rename one of them")
    if kept.root is not None and other.root is not None:
        raise ConfigError(f"both graphs have a root ({kept.root.name}, {other.root.name})", hint="keep one root")


def _take_in(engine: "Terrarium", kept: Graph, other: Graph) -> None:
    engine.record(other, events.GraphMerged(other.id, kept.id, str(kept.log.path or "")))
    for member in other.members.values():
        member.graph = kept
    kept.members |= other.members
    for name, channel in other.channels.items():
        mine = kept.channels.setdefault(name, channel)
        if mine is not channel:
            mine.senders |= channel.senders
            mine.listeners = {**channel.listeners, **mine.listeners}
            mine.backlog.extend(channel.backlog)
    kept.wires |= other.wires
    kept.links |= other.links
    for key, value in other.environment.items():
        if key not in kept.environment:
            kept.environment[key], kept.origins[key] = value, other.origins.get(key, "")
            engine.record(kept, events.EnvironmentSet(key, value, "merge", kept.origins[key]))
    kept.busy |= other.busy
    kept.spent.add(other.spent)
    kept.calls += other.calls
    kept.exhausted = kept.exhausted or other.exhausted
    kept.waiters += other.waiters
    other.waiters = []
    del engine.graphs[other.id]
    describe(engine, kept, other.members.values())
    kept.changed()


async def part(engine: "Terrarium", graph: Graph) -> None:
    """Make graphs of what is not connected any more. The one with the root, or else the journal's home, goes on."""
    parts = components(graph.members, graph.edges())
    if len(parts) < 2:
        return

    def weight(names: list[str]) -> tuple[bool, bool, int]:
        members = [graph.members[name] for name in names]
        home = any(m.session is not None and m.session == graph.log.path for m in members)
        return graph.root in members, home, len(names)

    parts.sort(key=weight, reverse=True)
    await engine.delivery.drained(graph)
    made = [await _part_off(engine, graph, names) for names in parts[1:]]
    pieces = [(g.id, str(g.log.path or ""), list(g.members)) for g in made]
    engine.record(graph, events.GraphSplit(graph.id, pieces))
    await graph.log.durable()
    for each in (graph, *made):
        if len(each.members) == 1:
            await placed(each, each.members)
    graph.changed()


async def _part_off(engine: "Terrarium", graph: Graph, names: list[str]) -> Graph:
    """Make a graph of some creatures of another, with what they share; its lineage names where its past is."""
    new = Graph(engine.new_graph_id(), graph.name, graph.limits, environment=dict(graph.environment))
    new.origins = dict(graph.origins)
    # A budget is not renewed by falling apart.
    new.spent, new.calls, new.exhausted = replace(graph.spent), graph.calls, graph.exhausted
    inside = set(names)
    new.members = {name: graph.members.pop(name) for name in names}
    new.channels = {n: graph.channels.pop(n) for n, c in list(graph.channels.items()) if c.members & inside}
    new.wires = {edge: graph.wires.pop(edge) for edge in list(graph.wires) if edge[0] in inside}
    new.links = {link for link in graph.links if link & inside}
    graph.links -= new.links
    for member in new.members.values():
        member.graph = new
    new.busy = {m for m in graph.busy if m.name in inside}
    graph.busy -= new.busy
    engine.graphs[new.id] = new
    lineage = [(graph.id, str(graph.log.path), graph.log.seq)] if graph.log.path is not None else []
    new.lineage = lineage
    await open_log(engine, new)
    await new.log.durable()
    return new
