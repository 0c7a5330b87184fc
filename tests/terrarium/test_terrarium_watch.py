"""What happens in an engine, as one stream: filtered, in order, bounded."""

import asyncio

import pytest
from kt import Terrarium
from kt.events import LLMEnded, TextDelta, TurnEnded, TurnStarted
from kt_terrarium.events import ChannelJoined, CreatureAdded, GraphEvent, MessageDelivered, MessageSent

from .conftest import says, told

pytestmark = pytest.mark.anyio


async def test_one_sees_what_one_asked_for() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b, c = [await engine.add_creature({"name": name}) for name in "abc"]
        d = await engine.add_creature({"name": "d"})
        async with (
            engine.subscribe(TurnEnded) as turns, engine.subscribe(creature="b") as of_b,
            engine.subscribe(channel="x") as on_x, engine.subscribe(graph=d.graph.id) as of_d,
            engine.subscribe(GraphEvent) as graphs,
        ):  # fmt: skip
            await engine.add_channel("x", senders=[a], listeners=[b, c])
            await engine.connect(a, b, channel="y")
            await engine.send("x", "hello", sender="a")
            await d.run("go")
            await engine.quiet()
        assert {(s.creature, type(s.event)) for s in turns.items} == {(name, TurnEnded) for name in "bcd"}
        assert {s.creature for s in of_b.items} == {"b"}
        assert {ChannelJoined, MessageDelivered, TurnStarted, TurnEnded} <= {type(s.event) for s in of_b.items}
        assert {type(s.event).__name__ for s in on_x.items} >= {"ChannelAdded", "ChannelJoined", "MessageSent"}
        assert all(s.event.channel == "x" for s in on_x.items)
        assert {s.creature for s in of_d.items} == {"d"}
        assert all(isinstance(s.event, GraphEvent) for s in graphs.items)


async def test_the_order_is_that_in_which_it_happened() -> None:
    async with Terrarium(llm=says()) as engine, engine.subscribe() as feed:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        await engine.connect(a, b, channel="x")
        await engine.send("x", "hello", sender="a")
        await engine.quiet()
        seen = list(feed.items)
    numbers = [s.number for s in seen]
    assert numbers == sorted(set(numbers))
    kinds = [type(s.event) for s in seen]
    order = [CreatureAdded, ChannelJoined, MessageSent, MessageDelivered, TurnStarted, LLMEnded, TurnEnded]
    at = [kinds.index(kind) for kind in order]
    assert at == sorted(at)
    assert TextDelta in kinds


async def test_what_overflows_is_counted() -> None:
    async with Terrarium(llm=says()) as engine, engine.subscribe(TurnEnded, buffer=2) as feed:
        a = await engine.add_creature({"name": "a"})
        for _ in range(5):
            await a.run("go")
        assert [s.event.turn for s in feed.items] == [1, 2]
        assert feed.dropped == 3


async def test_agents_are_heard_only_while_somebody_wants_to() -> None:
    async with Terrarium(llm=says()) as engine:
        a = await engine.add_creature({"name": "a"})
        assert not a.agent.bus.text
        async with engine.subscribe(MessageSent), engine.subscribe(channel="x"):
            assert not a.agent.bus.text
            async with engine.subscribe():
                b = await engine.add_creature({"name": "b"})
                assert a.agent.bus.text
                assert b.agent.bus.text
                await engine.remove_creature(b)
                assert not b.agent.bus.text
            assert not a.agent.bus.text


async def test_the_iteration_ends_with_the_subscription_or_the_engine() -> None:
    async with Terrarium(llm=says()) as engine:
        await engine.add_creature({"name": "a"})

        async def read(feed) -> list[str]:  # type: ignore[no-untyped-def]
            return [seen.event.kind async for seen in feed]

        async with engine.subscribe(TurnEnded) as feed:
            left = asyncio.create_task(read(feed))
            await engine.run("go")
        assert await asyncio.wait_for(left, 5) == ["turn_ended"]
        async with engine.subscribe(TurnEnded) as feed:
            closed = asyncio.create_task(read(feed))
            await engine.run("go")
            await engine.close()
            assert await asyncio.wait_for(closed, 5) == ["turn_ended"]


async def test_a_merge_and_a_split_are_told() -> None:
    async with Terrarium(llm=says()) as engine, engine.subscribe(GraphEvent) as feed:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        old = {a.graph.id, b.graph.id}
        await engine.connect(a, b)
        kept = a.graph.id
        await engine.disconnect(a, b)
        merged = next(s.event for s in feed.items if s.event.kind == "graph_merged")
        split = next(s.event for s in feed.items if s.event.kind == "graph_split")
    assert ({merged.graph, merged.into}, merged.into) == (old, kept)
    assert split.graph == kept
    assert [names for _, _, names in split.parts] in (["a"], ["b"], [["a"]], [["b"]])
    assert told(a.agent) == []
