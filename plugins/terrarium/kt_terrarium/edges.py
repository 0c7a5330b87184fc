"""What connects creatures: channels, wires, links, a root; made and removed at run time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.errors import ConfigError, NotFound, nearest

from . import events
from .channel import Channel, Mailbox
from .graph import Graph, Wire
from .names import checked_name
from .topology import added, open_log, part, placed, unite, wire_event

if TYPE_CHECKING:
    from .engine import Terrarium
    from .member import Member

REPORT = "report_to_root"
ABOUT = 200
"""How many characters of a channel's description its members are told."""


async def link(engine: "Terrarium", a: "Member", b: "Member") -> Graph:
    """Make two creatures belong together without a channel."""
    graph = await unite(engine, [a, b])
    graph.links.add(frozenset((a.name, b.name)))
    await open_log(engine, graph)
    engine.record(graph, events.Linked(*sorted((a.name, b.name))))
    await placed(graph, (a.name, b.name))
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
    about = " ".join(description.split())[:ABOUT]
    new = (
        Channel(checked_name(name, "channel"), type or "broadcast", about, capacity or 1000) if known is None else None
    )
    graph = await unite(engine, [*senders, *listeners])
    await open_log(engine, graph)
    channel = graph.channels.get(name)
    if channel is None:
        assert new is not None
        channel = graph.channels[name] = new
        engine.record(graph, events.ChannelAdded(name, new.type, about, new.capacity))
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
    if (old := graph.wires.get((made.source, made.target))) is not None:
        made.after = old.after  # what it had still to send, the new one sends
    graph.wires[made.source, made.target] = made
    engine.record(graph, wire_event(made))
    await placed(graph, (made.source,))
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
    await placed(graph, {a.name, b.name}.union(*(channel.members for channel in chosen)))
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
    await placed(graph, (a.name,))
    await part(engine, graph)


async def remove(engine: "Terrarium", member: "Member") -> None:
    """Take a creature out of its graph, with its edges."""
    graph, name = member.graph, member.name
    engine.delivery.give_back(member, "it was removed")
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
