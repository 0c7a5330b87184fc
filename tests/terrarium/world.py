"""A random run of an engine beside its plain model: it does both, notes what is due to whom, and compares."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from kt import Message, Terrarium, hookimpl
from kt.errors import ModelError
from kt.events import TurnEnded
from kt.testing import ScriptedLLM
from kt_terrarium.engine import Member
from kt_terrarium.events import LoopStopped, MessageDropped, MessageSent
from kt_terrarium.post import Post

from .plain import Plain

ANY = {"max": 10**6, "wait": 0.0}
HEARD = re.compile(r"\[(#(?P<channel>\S+)\] )?(?P<sender>\S+?)(?(channel):|\]) (?P<token>\S+)$")
MOST = 8


class Watch:
    """A plugin that notes each message at the moment when it is sent."""

    name = "watch"

    def __init__(self, world: "World") -> None:
        self.world = world

    @hookimpl
    async def kt_around_message(self, agent: Any, message: Post, next: Callable[[Post], Any]) -> str:
        self.world.sent(message.channel, message.sender, message.text)
        said: str = await next(message)
        return said


class World:
    """One engine and its model. Each step does one thing to both, and may let the engine's tasks run a little."""

    def __init__(self, engine: Terrarium, **options: Any) -> None:
        self.engine, self.plain, self.options = engine, Plain(), options
        self.everyone: dict[str, Member] = {}
        self.due: set[tuple[str, str]] = set()
        self.order: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.loose: set[tuple[str, str]] = set()
        self.wired: set[tuple[str, str, str]] = set()
        self.typed: set[tuple[str, str]] = set()
        self.doomed: set[str] = set()
        self.failing: dict[str, int] = defaultdict(int)
        self.stopped: set[str] = set()
        self.faults: list[str] = []
        self.count = 0

    def token(self) -> str:
        self.count += 1
        return f"m{self.count}"

    # What creatures do

    def model_of(self, name: str) -> ScriptedLLM:
        async def answer(request: Any) -> Any:
            said = request.messages[-1].text if request.messages[-1].role == "user" else ""
            for _ in range(self.count % 4):
                await asyncio.sleep(0)
            if name in self.doomed or self.failing[name]:
                self.failing[name] -= self.failing[name] > 0
                raise ModelError("the model is down")
            if said.startswith("say "):
                _, channel, token = said.split()
                return [("send_message", {"channel": channel, "message": token})]
            return f"<{name}:{self.token()}>"

        return ScriptedLLM(answer)

    def ended(self, name: str, event: TurnEnded) -> None:
        """Note what is due over the wires of a creature."""
        if event.result.ok and name in self.plain.names:
            for source, target in self.plain.wires:
                if source == name:
                    self.expect(target, event.result.text)
                    self.wired.add((source, target, event.result.text))

    def sent(self, channel: str, sender: str, token: str, of: str = "") -> None:
        """Note for whom a message is at this moment."""
        pipes = self.plain.pipes_of(of or sender)
        if channel not in pipes:
            self.faults.append(f"{sender} could send on {channel}")
            return
        self.order[channel, sender].append(token)
        for name in pipes[channel].listeners - {sender}:
            self.expect(name, token)
            if pipes[channel].capacity < 1000:  # of what waits of that channel, anything may have to give way
                self.loose |= {(name, t) for (on, _), tokens in self.order.items() if on == channel for t in tokens}

    def expect(self, name: str, token: str) -> None:
        if (name, token) in self.due:
            self.faults.append(f"{token} was sent to {name} twice")
        self.due.add((name, token))
        if name in self.doomed:
            self.loose.add((name, token))

    # What is done to both

    async def add(self, name: str, near: str | None = None) -> None:
        given = {"llm": self.model_of(name), "plugins": [Watch(self)], "restart": ANY, **self.options}
        member = await self.engine.add_creature({"name": name}, graph=near, **given)
        self.follow(name, member)
        self.plain.names.add(name)
        if near is not None:
            first = next(iter(member.graph.members))  # which of a group it is tied to is the engine's choice
            assert first in self.plain.group(near)
            self.plain.links.add(frozenset((first, name)))
            self.plain.unify()
        self.everyone[name] = member

    def follow(self, name: str, member: Member) -> None:
        """Note what a creature answers."""
        member.agent.bus.on(TurnEnded, lambda event: self.ended(name, event))

    async def remove(self, name: str) -> None:
        await self.engine.remove_creature(name)
        self.stopped.discard(name)
        self.loose |= {(to, text) for source, to, text in self.wired if source == name}
        self.plain.remove(name)

    async def join(self, channel: str, senders: set[str], listeners: set[str], capacity: int) -> None:
        await self.engine.add_channel(channel, senders=sorted(senders), listeners=sorted(listeners), capacity=capacity)
        self.plain.join(channel, senders, listeners, capacity)

    async def leave(self, sender: str, listener: str, channel: str | None) -> None:
        await self.engine.disconnect(sender, listener, channel=channel)
        self.plain.leave(sender, listener, channel)

    async def remove_channel(self, channel: str, of: str) -> None:
        await self.engine.remove_channel(channel, of=of)
        self.plain.pipes.remove(self.plain.pipes_of(of)[channel])

    async def wire(self, source: str, target: str) -> None:
        await self.engine.wire_output(source, target)
        self.plain.wires.add((source, target))
        self.plain.unify()

    async def unwire(self, source: str, target: str) -> None:
        await self.engine.unwire_output(source, target)
        self.plain.wires.discard((source, target))
        self.loose |= {(to, text) for a, to, text in self.wired if (a, to) == (source, target)}  # it may be on its way

    async def send(self, channel: str, of: str, sender: str) -> None:
        token = self.token()
        self.sent(channel, sender, token, of)
        await self.engine.send(channel, token, sender=sender, of=of)

    def inject(self, name: str, text: str) -> None:
        self.expect(name, text)
        self.typed.add((name, text))
        self.everyone[name].inject(text)

    def takes(self, name: str) -> bool:
        """Tell whether a creature can be given input."""
        return name not in self.stopped | self.doomed and self.everyone[name].agent.started

    def crash(self, name: str, times: int) -> None:
        """Have the model of a creature fail at its next requests."""
        self.failing[name] += times
        self.inject(name, self.token())

    def doom(self, name: str) -> None:
        """Have the model of a creature fail from now on, until its policy gives up."""
        self.doomed.add(name)
        self.loose |= {(n, token) for n, token in self.due if n == name}
        self.everyone[name].restart.max = 0
        self.inject(name, self.token())

    async def stop(self, name: str) -> None:
        await self.engine.stop(name)
        self.stopped.add(name)

    async def start(self, name: str) -> None:
        await self.engine.start(name)
        self.stopped.discard(name)

    async def quiet(self) -> None:
        await asyncio.wait_for(self.engine.quiet(), 20)
        self.wired.clear()
        self.check_received()

    # What must hold

    def check_graphs(self) -> None:
        """Compare graphs, channels, wires and links with the model's."""
        plain, graphs = self.plain, self.engine.graphs.values()
        assert {frozenset(g.members) for g in graphs} == plain.groups()
        assert {name for g in graphs for name in g.members} == plain.names == self.engine.members.keys()
        pipes = {(p.name, frozenset(p.senders), frozenset(p.listeners)) for p in plain.pipes}
        seen = [(c.name, frozenset(c.senders), frozenset(c.listeners)) for g in graphs for c in g.channels.values()]
        assert set(seen) == pipes
        assert len(seen) == len(plain.pipes)
        assert {wire for g in graphs for wire in g.wires} == plain.wires
        assert {link for g in graphs for link in g.links} == plain.links
        for graph in graphs:
            assert self.engine.graphs[graph.id] is graph
            assert all(m.graph is graph for m in graph.members.values())

    def received(self, name: str) -> list[Message]:
        return [m for m in self.everyone[name].agent.history if m.role == "user"]

    def check_received(self) -> None:
        """Compare what each creature was told with what was due to it: once, in order, and nothing else."""
        assert not self.faults
        for name in self.everyone:
            got: list[str] = []
            streams: dict[tuple[str, str], list[str]] = defaultdict(list)
            for message in self.received(name):
                found = HEARD.search(message.text)
                token = found["token"] if found else message.text
                got.append(token)
                if found and found["channel"]:
                    streams[found["channel"], found["sender"]].append(token)
            assert len(got) == len(set(got)), f"{name} got one twice: {got}"
            assert all((name, token) in self.due for token in got), f"{name} got what was not for it: {got}"
            for stream, tokens in streams.items():
                sent = self.order[stream]
                assert tokens == sorted(tokens, key=sent.index), f"{name} on {stream}"
            if name in self.plain.names and name not in self.stopped | self.doomed:
                missing = {t for n, t in self.due if n == name and (n, t) not in self.loose} - set(got)
                assert not missing, f"{name} never got {missing}"

    def check_events(self, events: list[Any]) -> None:
        """Compare what the engine said of messages with what was due."""
        assert not any(isinstance(e, LoopStopped) for e in events)
        texts = {e.id: e.text for e in events if isinstance(e, MessageSent)}
        for event in events:
            if isinstance(event, MessageSent):
                assert all((name, event.text) in self.due for name in event.to)
            elif isinstance(event, MessageDropped):
                gone = event.listener not in self.plain.names
                assert gone or (event.listener, texts[event.id]) in self.loose
                got = [m.text.split()[-1] for m in self.received(event.listener)]
                assert texts[event.id] not in got, "it was told of as dropped"
