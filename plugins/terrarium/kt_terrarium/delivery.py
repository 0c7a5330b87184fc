"""Delivery: a message is kept, then handed to everybody it is for, in the order in which it was sent."""

import asyncio
from collections.abc import Iterable, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING

from kt import Part, Text
from kt.errors import LimitReached, NotFound, UsageError, nearest

from .channel import Channel, Mailbox
from .events import LoopStopped, MessageDelivered, MessageDropped
from .post import Post, id_of

if TYPE_CHECKING:
    from kt import Agent

    from .engine import Terrarium
    from .graph import Graph
    from .member import Member


class Delivery:
    """Hand messages to the creatures of one engine. Nothing here ever makes a sender wait for a listener."""

    def __init__(self, engine: "Terrarium") -> None:
        self.engine = engine
        self.nonce, self._count = token_hex(3), 0

    def new_id(self) -> str:
        """Return an id that no other message of this or an earlier run has."""
        self._count += 1
        return f"{self.nonce}.{self._count}"

    def post(
        self, graph: "Graph", channel: Channel, sender: str, text: str, *, media: Sequence[Part] = (),
        member: "Member | None" = None, call: str = "",
    ) -> Post:  # fmt: skip
        """Return a message on a channel for those who listen now, with what its sender carries."""
        to = [name for name in channel.listeners if name != sender]
        made = Post(self.new_id(), channel.name, sender, text, to, media, call=call)
        if member is not None:
            made.origins, made.hops = member.origins, member.hops + 1
            made.turn = member.agent.turns
        return made

    async def send(self, graph: "Graph", post: Post) -> bool:
        """Keep a message and hand it on; return False where its chain is too long.

        Raises LimitReached where the graph has spent what it may, or a queue is full, and StoreError.
        """
        if not self.admit(graph, post):
            return False
        if not graph.log.lasting:
            self.fan_out(graph, post)
            return True
        graph.unsent.append(post)
        graph.changed()
        # A sender that is cancelled meanwhile has sent it nevertheless.
        task = self.engine.host.spawn(self._when_durable(graph, post), name=post.id, failed=lambda error: None)
        await asyncio.shield(task)
        return True

    async def through_hooks(self, agent: "Agent", graph: "Graph", post: Post) -> str:
        """Send a message through the hooks of its sender; return what the sender reads."""

        async def send(post: Post) -> str:
            member = self.engine.members.get(agent.name)
            if await self.send(graph if member is None else member.graph, post):
                return f"sent to {', '.join(post.to) or 'nobody: no one listens'}"
            return "not delivered: this chain of messages is too long, end it and report"

        said: str = await agent.hooks.chain("kt_around_message", agent, send)(post)
        return said

    async def give(self, member: "Member", other: "Member", text: str, call: str) -> None:
        """Send a message from one creature to one other, without a channel. Raises LimitReached."""
        post = Post(self.new_id(), "", member.name, text, [other.name], origins=member.origins, call=call)
        post.hops, post.turn = member.hops + 1, member.agent.turns
        await self.through_hooks(member.agent, member.graph, post)

    def admit(self, graph: "Graph", post: Post) -> bool:
        """Record a message that may go on; return False for the end of a loop. Raises LimitReached."""
        if graph.exhausted:
            raise LimitReached(graph.exhausted, where=f"graph {graph.name or graph.id}")
        if post.hops > graph.limits.max_hops:
            self.engine.record(graph, LoopStopped(post.id, post.sender, post.hops))
            if graph.root is not None and graph.root.name != post.sender:
                said = f"a chain of {post.hops} messages was ended; the last, of {post.sender}: {post.text}"
                self.tell(graph.root, said, post.origins)
            return False
        channel = graph.channels.get(post.channel)
        if channel is not None and channel.type == "queue" and len(channel.backlog) >= channel.capacity:
            raise LimitReached(f"the queue {channel.name!r} is full ({channel.capacity} messages wait)")
        self.engine.record(graph, event := post.event)
        post.seq = event.seq
        if channel is not None:
            channel.sent += 1
        return True

    async def _when_durable(self, graph: "Graph", post: Post) -> None:
        try:
            await graph.log.durable()
        except BaseException:
            if post in graph.unsent:
                graph.unsent.remove(post)
                # The store may keep it after all, with what comes next: then this says that nobody got it.
                for name in post.to:
                    self.engine.record(graph, MessageDropped(post.id, name, "it could not be kept"))
            graph.changed()
            raise
        self.flush(graph, post.seq)

    async def drained(self, graph: "Graph") -> None:
        """Hand on everything that waits to become durable; nothing does when this returns."""
        while graph.unsent:
            last = graph.unsent[-1].seq
            await graph.log.durable()
            self.flush(graph, last)

    def flush(self, graph: "Graph", seq: int) -> None:
        """Hand on, in order, what is durable up to an event."""
        while graph.unsent and graph.unsent[0].seq <= seq:
            self.fan_out(graph, graph.unsent.popleft())
        graph.changed()

    def fan_out(self, graph: "Graph", post: Post) -> None:
        """Hand a message to everybody it is for, now."""
        channel = graph.channels.get(post.channel)
        if channel is not None and channel.type == "queue":
            channel.backlog.append(post)
            self.feed(graph, channel)
            return
        members = self.engine.members
        for name in post.to:
            member = members.get(name)
            if member is None:
                continue  # it was removed, which its graph's journal says
            box = channel.listeners.get(name) if channel is not None else None
            if box is not None and box.sender not in ("", post.sender):
                continue
            self.hand(member, post, box)
        graph.changed()

    def hand(self, member: "Member", post: Post, box: Mailbox | None = None) -> None:
        """Put a message into a creature's inbox; one that is stopped, or waits for an answer, finds it later."""
        channel = member.graph.channels.get(post.channel)
        capacity = 1000 if channel is None else channel.capacity
        if member.state == "failed":
            self._dropped(member, post, "it has failed")
        elif member.stored or not member.takes:
            member.stored.append(post)
            same = [p for p in member.stored if p.channel == post.channel]
            if len(same) > capacity:
                member.stored.remove(same[0])
                self._dropped(member, same[0], "it is stopped, and its mailbox is full")
        else:
            member.inflight[post.id] = post
            message = post.message if box is None else box.message(post)
            pending = member.agent.inbox.add(message, source=post.source, steer=member.held)
            member.graph.busy.add(member)
            if box is not None:
                waiting = box.open()
                waiting.append((post, pending))
                if len(waiting) > capacity:
                    self._too_slow(member, box)
            if member.held:
                member.woken()
            if self.engine.feeds.any:
                self.engine.feeds.publish(member.graph.id, member.name, MessageDelivered(post.id, member.name))

    def _too_slow(self, member: "Member", box: Mailbox) -> None:
        """Let the oldest message give way, and have the next one say so."""
        if box.noted is not None and box.noted.taken:
            box.lost = 0
        post, pending = box.waiting.popleft()
        pending.withdraw()
        member.inflight.pop(post.id, None)
        box.lost += 1
        self._dropped(member, post, "it was too slow")
        following, after = box.waiting[0]
        box.noted = after
        note = f"({box.lost} earlier messages of #{post.channel} were dropped: you were too slow.)\n"
        after.edit([Text(note), *following.message.parts])

    def _dropped(self, member: "Member", post: Post, why: str) -> None:
        self.engine.record(member.graph, MessageDropped(post.id, member.name, why))

    def feed(self, graph: "Graph", channel: Channel) -> None:
        """Give what waits in a queue to listeners that are free, each in its turn."""
        while channel.backlog:
            free = next((n for n in channel.listeners if self._is_free(n, channel.backlog[0])), None)
            if free is None:
                break
            channel.listeners[free] = channel.listeners.pop(free)  # to the end of the row
            self.hand(self.engine.members[free], channel.backlog.popleft())
        graph.changed()

    def _is_free(self, name: str, post: Post) -> bool:
        member = self.engine.members.get(name)
        return member is not None and name != post.sender and member.takes and not member.works

    def free(self, member: "Member") -> None:
        """Look for work for a creature that has none."""
        for channel in member.graph.hears(member.name):
            if channel.type == "queue" and channel.backlog:
                self.feed(member.graph, channel)

    def give_back(self, member: "Member", why: str) -> None:
        """Put what a creature was given from queues and has not done back at their front, and drop the rest."""
        for post in [*member.inflight.values(), *member.stored, *member.current][::-1]:
            channel = member.graph.channels.get(post.channel)
            if channel is not None and channel.type == "queue":
                channel.backlog.appendleft(post)
            elif post not in member.current:
                self._dropped(member, post, why)
        for pending in [p for p in member.agent.inbox.items if id_of(p.source) in member.inflight]:
            pending.withdraw()
        member.inflight, member.stored, member.current = {}, [], []
        for channel in member.graph.hears(member.name):
            if channel.type == "queue":
                self.feed(member.graph, channel)

    def hand_stored(self, member: "Member") -> None:
        """Hand over what came while the creature was stopped, and have it take up what it had not taken."""
        stored, member.stored = member.stored, []
        for post in stored:
            channel = member.graph.channels.get(post.channel)
            self.hand(member, post, None if channel is None else channel.listeners.get(member.name))
        if member.agent.has_input:
            member.agent.wake()
        member.settle()

    def tell(self, member: "Member", text: str, origins: str = "") -> None:
        """Tell a creature what happened in its graph, unless that has spent what it may."""
        if member.graph.exhausted:
            return
        post = Post(self.new_id(), "", "terrarium", text, [member.name], origins=origins)
        if self.admit(member.graph, post):
            self.fan_out(member.graph, post)

    def undelivered(self, members: Iterable["Member"]) -> list[Post]:
        """Return the messages that creatures have not taken yet, each with those it still is for."""
        found: dict[str, Post] = {}
        for member in members:
            for post in (*member.inflight.values(), *member.stored):
                kept = found.setdefault(post.id, _for(post, []))
                kept.to.append(member.name)
        return list(found.values())


def _for(post: Post, names: list[str]) -> Post:
    return Post(
        post.id, post.channel, post.sender, post.text, names, post.media, post.origins, post.hops, post.turn, post.call
    )


def graph_with(engine: "Terrarium", channel: str, sender: str, of: "str | Member | Graph | None") -> "Graph":
    """Return the graph whose channel a sender means. Raises NotFound, and UsageError where it could be several."""
    if of is not None or sender in engine.members:
        home = engine.graph_of(sender if of is None else of) if not hasattr(of, "channels") else of
        graphs = [home] if channel in home.channels else []  # type: ignore[union-attr]
    else:
        graphs = [graph for graph in engine.graphs.values() if channel in graph.channels]
    if len(graphs) == 1:
        return graphs[0]  # type: ignore[return-value]
    known = {name for graph in engine.graphs.values() for name in graph.channels}
    if graphs:
        raise UsageError(f"{len(graphs)} graphs have a channel {channel!r}", hint="say whose: of=CREATURE")
    raise NotFound(f"no channel {channel!r}", hint=nearest(channel, known))
