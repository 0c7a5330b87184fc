"""What connects creatures: graphs merge where an edge joins them, and fall apart where the last one goes."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kt.errors import ConfigError, LimitReached, NotFound, nearest

from . import events
from .channel import Channel, Mailbox
from .graph import Graph, GraphLimits, Wire, components

if TYPE_CHECKING:
    from .engine import Terrarium
    from .member import Member

REPORT = "report_to_root"


def exceeded(graph: Graph, limits: GraphLimits) -> str:
    """Return what of its limits a graph has used up, "" for none."""
    spent = {"max_turns": graph.calls, "max_tokens": graph.spent.total, "max_usd": graph.spent.cost or 0.0}
    units = {"max_turns": "model calls", "max_tokens": "tokens", "max_usd": "USD"}
    for name, used in spent.items():
        bound = getattr(limits, name)
        if bound is not None and used >= bound:
            return f"the graph used {used:g} {units[name]}; its limit is {bound:g}"
    return ""


def check_room(limits: GraphLimits, wanted: int) -> None:
    """Raise LimitReached where a graph would have too many creatures."""
    if limits.max_creatures is not None and wanted > limits.max_creatures:
        raise LimitReached(f"{wanted} creatures are too many; the limit is {limits.max_creatures}")


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
    engine.record(graph, events.GraphCreated(graph.id, graph.name, graph.lineage))
    describe(engine, graph)


def describe(engine: "Terrarium", graph: Graph, members: "Iterable[Member] | None" = None) -> None:
    """Record what a graph consists of now, or some members' part of it: state, never history."""
    chosen = {m.name: m for m in (graph.members.values() if members is None else members)}
    for member in chosen.values():
        engine.record(graph, added(graph, member))
    for a, b in (sorted(link) for link in graph.links):
        if a in chosen:
            engine.record(graph, events.Linked(a, b))
    for channel in graph.channels.values():
        if channel.members & chosen.keys():
            tell_channel(engine, graph, channel)
    for wire in graph.wires.values():
        if wire.source in chosen:
            engine.record(graph, wire_event(wire))
    if members is None:
        for key, value in graph.environment.items():
            engine.record(graph, events.EnvironmentSet(key, value))
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
    return events.WireAdded(wire.source, wire.target, wire.with_content, wire.prompt, wire.after)


# Joining


async def unite(engine: "Terrarium", members: "Sequence[Member]") -> Graph:
    """Return the one graph of some creatures: the largest of theirs, which takes the others in."""
    graphs = list({m.graph.id: m.graph for m in members}.values())
    kept = max(graphs, key=lambda g: (g.root is not None, len(g.members)))
    others = [g for g in graphs if g is not kept]
    check_room(kept.limits, sum(len(g.members) for g in graphs))
    for other in others:
        _must_fit(kept, other)
    await open_log(engine, kept)
    for other in others:
        await open_log(engine, other)
        await other.log.durable()
        engine.delivery.flush(other, other.log.seq)
        _take_in(engine, kept, other)
        await other.log.close()
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
            kept.environment[key] = value
            engine.record(kept, events.EnvironmentSet(key, value, "merge"))
    kept.busy |= other.busy
    kept.spent.add(other.spent)
    kept.calls += other.calls
    kept.waiters += other.waiters
    other.waiters = []
    del engine.graphs[other.id]
    describe(engine, kept, other.members.values())
    kept.changed()


async def link(engine: "Terrarium", a: "Member", b: "Member") -> Graph:
    """Make two creatures belong together without a channel."""
    graph = await unite(engine, [a, b])
    graph.links.add(frozenset((a.name, b.name)))
    await open_log(engine, graph)
    engine.record(graph, events.Linked(*sorted((a.name, b.name))))
    return graph


async def join(
    engine: "Terrarium",
    name: str,
    senders: "Sequence[Member]",
    listeners: "Sequence[Member]",
    type: str | None,
    description: str,
    capacity: int | None,
) -> Channel:
    """Let creatures send on a channel, and listen to it; make it where it is missing."""
    if not (senders or listeners):
        raise ConfigError(f"nobody is on the channel {name!r}", hint="name senders or listeners")
    known = next((c for m in (*senders, *listeners) if (c := m.graph.channels.get(name)) is not None), None)
    if known is not None and type not in (None, known.type):
        raise ConfigError(f"the channel {name!r} is there, and its type is {known.type}")
    new = Channel(name, type or "broadcast", description, capacity or 1000) if known is None else None
    graph = await unite(engine, [*senders, *listeners])
    await open_log(engine, graph)
    channel = graph.channels.get(name)
    if channel is None:
        assert new is not None
        channel = graph.channels[name] = new
        engine.record(graph, events.ChannelAdded(name, new.type, description, new.capacity))
    for member in senders:
        if member.name not in channel.senders:
            channel.senders[member.name] = None
            engine.record(graph, events.ChannelJoined(name, member.name, "send"))
    for member in listeners:
        if member.name not in channel.listeners:
            channel.listeners[member.name] = Mailbox()
            engine.record(graph, events.ChannelJoined(name, member.name, "listen"))
    await placed(graph, channel.members)
    if channel.type == "queue":
        engine.delivery.feed(graph, channel)
    return channel


async def wire(engine: "Terrarium", made: Wire) -> Wire:
    """Add a wire, in the place of one between the same two creatures."""
    graph = await unite(engine, [engine.member(made.source), engine.member(made.target)])
    await open_log(engine, graph)
    graph.wires[made.source, made.target] = made
    engine.record(graph, wire_event(made))
    return made


async def assign_root(engine: "Terrarium", member: "Member") -> "Member":
    """Make a creature its graph's root: privileged, with a channel to each of the others, and one from all of them."""
    graph = member.graph
    if graph.root is not None and graph.root is not member:
        raise ConfigError(f"the graph has a root already ({graph.root.name})")
    graph.root, member.privileged = member, True
    engine.maker.equip(member)
    await open_log(engine, graph)
    engine.record(graph, added(graph, member))
    for other in [m for m in graph.members.values() if m is not member]:
        await report(engine, other, member)
    return member


async def report(engine: "Terrarium", member: "Member", root: "Member") -> None:
    """Give a creature its two channels with the root."""
    await join(engine, REPORT, [member], [root], None, "what the root has to know", None)
    await join(engine, member.name, [root], [member], None, f"to {member.name}", None)


async def placed(graph: Graph, names: Iterable[str]) -> None:
    """Give creatures the tools of their place, and tell those that run."""
    for name in names:
        if (member := graph.members.get(name)) is not None:
            member.engine.maker.equip(member)
            if member.agent.started:
                await member.agent.refresh_prompt()


# Parting


async def disconnect(engine: "Terrarium", a: "Member", b: "Member", name: str | None) -> None:
    """Take b off the channels on which a sends; a channel that nobody hears any more goes too."""
    graph = a.graph
    found = [c for c in graph.channels.values() if a.name in c.senders and b.name in c.listeners]
    chosen = [c for c in found if name in (None, c.name)]
    if not chosen or b.graph is not graph:
        raise NotFound(f"{b.name} hears {a.name} on no channel" + (f" {name!r}" if name else ""))
    for channel in chosen:
        del channel.listeners[b.name]
        engine.record(graph, events.ChannelLeft(channel.name, b.name, "listen"))
        if not channel.listeners:
            _drop_channel(engine, graph, channel)
    await placed(graph, (a.name, b.name))
    await part(engine, graph)


async def remove_channel(engine: "Terrarium", graph: Graph, name: str) -> None:
    """Remove a channel from a graph."""
    if (channel := graph.channels.get(name)) is None:
        raise NotFound(f"no channel {name!r}", hint=nearest(name, graph.channels))
    _drop_channel(engine, graph, channel)
    await placed(graph, channel.members)
    await part(engine, graph)


def _drop_channel(engine: "Terrarium", graph: Graph, channel: Channel) -> None:
    del graph.channels[channel.name]
    engine.record(graph, events.ChannelRemoved(channel.name))


async def unwire(engine: "Terrarium", a: "Member", b: "Member") -> None:
    """Remove the wire between two creatures."""
    graph = a.graph
    if graph.wires.pop((a.name, b.name), None) is None:
        raise NotFound(f"there is no wire from {a.name} to {b.name}")
    engine.record(graph, events.WireRemoved(a.name, b.name))
    await part(engine, graph)


async def remove(engine: "Terrarium", member: "Member") -> None:
    """Take a creature out of its graph, with its edges."""
    graph, name = member.graph, member.name
    for channel in [c for c in graph.channels.values() if name in c.members]:
        channel.senders.pop(name, None)
        channel.listeners.pop(name, None)
        if not (channel.senders and channel.listeners):
            _drop_channel(engine, graph, channel)
        else:
            engine.record(graph, events.ChannelLeft(channel.name, name, "both"))
    graph.wires = {edge: w for edge, w in graph.wires.items() if name not in edge}
    graph.links = {link for link in graph.links if name not in link}
    del graph.members[name], engine.members[name]
    graph.busy.discard(member)
    graph.root = None if graph.root is member else graph.root
    engine.record(graph, events.CreatureRemoved(name))
    member.detach()
    engine.feeds.untap(name)
    if graph.members:
        await placed(graph, graph.members)
        await part(engine, graph)
    else:
        del engine.graphs[graph.id]
        await graph.log.close()
    graph.changed()


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
    await graph.log.durable()
    engine.delivery.flush(graph, graph.log.seq)
    made = [await _part_off(engine, graph, names) for names in parts[1:]]
    pieces = [(g.id, str(g.log.path or ""), list(g.members)) for g in made]
    engine.record(graph, events.GraphSplit(graph.id, pieces))
    await graph.log.durable()
    graph.changed()


async def _part_off(engine: "Terrarium", graph: Graph, names: list[str]) -> Graph:
    """Make a graph of some creatures of another, with what they share; its lineage names where its past is."""
    new = Graph(engine.new_graph_id(), graph.name, graph.limits, environment=dict(graph.environment))
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
