"""Channels and wires: queues, slow listeners, full ones, loops."""

import asyncio
from typing import Any

import pytest
from kt import Terrarium
from kt.errors import LimitReached, ModelError, NotFound, UsageError
from kt.testing import ScriptedLLM
from kt_terrarium.events import LoopStopped, MessageDropped
from kt_terrarium.limits import GraphLimits

from .conftest import Gate, says, told, until

pytestmark = pytest.mark.anyio


async def test_a_queue_gives_each_message_to_one_listener_that_is_free() -> None:
    gates = [Gate() for _ in range(3)]
    async with Terrarium(llm=says()) as engine:
        boss = await engine.add_creature({"name": "boss"})
        workers = [await engine.add_creature({"name": f"w{n}"}, llm=gate) for n, gate in enumerate(gates)]
        await engine.add_channel("jobs", senders=[boss], listeners=workers, type="queue")
        for number in range(5):
            await engine.send("jobs", str(number), sender="boss")
        await until(lambda: all(gate.asked for gate in gates))
        assert [told(w.agent) for w in workers] == [[f"[#jobs] boss: {n}"] for n in range(3)]
        gates[1].open.set()
        await until(lambda: len(told(workers[1].agent)) == 3)
        for gate in gates:
            gate.open.set()
        await engine.quiet()
        assert told(workers[1].agent) == [f"[#jobs] boss: {n}" for n in (1, 3, 4)]
        assert not boss.graph.channels["jobs"].backlog


async def test_a_queue_is_fair() -> None:
    async with Terrarium(llm=says()) as engine:
        boss = await engine.add_creature({"name": "boss"})
        workers = [await engine.add_creature({"name": f"w{n}"}) for n in range(3)]
        await engine.add_channel("jobs", senders=[boss], listeners=workers, type="queue")
        for number in range(9):
            await engine.send("jobs", str(number), sender="boss")
            await engine.quiet()
        assert [len(told(w.agent)) for w in workers] == [3, 3, 3]


async def test_a_full_queue_refuses_and_hands_on_what_it_has_when_somebody_is_there() -> None:
    async with Terrarium(llm=says()) as engine:
        boss, worker = await engine.add_creature({"name": "boss"}), await engine.add_creature({"name": "w"})
        await engine.add_channel("jobs", senders=[boss], listeners=[worker], type="queue", capacity=2)
        await worker.stop()
        await engine.send("jobs", "1", sender="boss")
        await engine.send("jobs", "2", sender="boss")
        with pytest.raises(LimitReached, match="'jobs' is full"):
            await engine.send("jobs", "3", sender="boss")
        await worker.start()
        await engine.quiet()
        assert told(worker.agent) == ["[#jobs] boss: 1", "[#jobs] boss: 2"]
        late = await engine.add_creature({"name": "late"})
        await engine.connect(boss, late, channel="jobs")
        await engine.send("jobs", "3", sender="boss")
        await engine.quiet()
        assert len(told(worker.agent)) + len(told(late.agent)) == 3


async def test_what_a_failed_consumer_had_goes_to_another_and_never_back() -> None:
    broken = [True]

    def act(request: Any) -> Any:
        return ModelError("down") if broken[0] else "ok"

    async with Terrarium(llm=says()) as engine:
        boss = await engine.add_creature({"name": "boss"})
        bad = await engine.add_creature({"name": "bad"}, llm=ScriptedLLM(act), restart="never")
        good = await engine.add_creature({"name": "good"})
        await engine.add_channel("jobs", senders=[boss], listeners=[bad, good], type="queue")
        await engine.send("jobs", "1", sender="boss")
        await engine.quiet()
        assert bad.status().state == "failed"
        assert told(good.agent) == ["[#jobs] boss: 1"]
        broken[0] = False
        await engine.start(bad)
        await engine.quiet()
        assert told(bad.agent) == ["[#jobs] boss: 1"]  # it read it once, when it failed
        assert bad.agent.turns == 1


async def test_what_a_removed_consumer_had_not_done_goes_to_another() -> None:
    gate = Gate()
    async with Terrarium(llm=says()) as engine:
        boss = await engine.add_creature({"name": "boss"})
        first, gone = (
            await engine.add_creature({"name": "first"}),
            await engine.add_creature({"name": "gone"}, llm=gate),
        )
        await engine.add_channel("jobs", senders=[boss], listeners=[first, gone], type="queue")
        for number in range(2):
            await engine.send("jobs", str(number), sender="boss")
        await until(lambda: gate.asked)
        await engine.remove_creature(gone)
        await engine.quiet()
        assert told(first.agent) == ["[#jobs] boss: 0", "[#jobs] boss: 1"]


async def test_the_oldest_message_gives_way_at_a_slow_listener_and_it_is_told() -> None:
    gate = Gate()
    async with Terrarium(llm=says()) as engine, engine.subscribe(MessageDropped) as feed:
        a, slow = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "slow"}, llm=gate)
        quick = await engine.add_creature({"name": "quick"})
        await engine.add_channel("x", senders=[a], listeners=[slow, quick], capacity=2)
        await engine.send("x", "0", sender="a")
        await until(lambda: gate.asked and len(told(quick.agent)) == 1)
        for number in range(1, 6):
            await asyncio.wait_for(engine.send("x", str(number), sender="a"), 1)
            await until(lambda number=number: len(told(quick.agent)) == number + 1)
        gate.open.set()
        await engine.quiet()
        assert told(slow.agent) == [
            "[#x] a: 0",
            "(3 earlier messages of #x were dropped: you were too slow.)\n[#x] a: 4",
            "[#x] a: 5",
        ]
        assert [(seen.event.listener, seen.event.why) for seen in feed.items] == [("slow", "it was too slow")] * 3


async def test_a_small_mailbox_of_one_channel_takes_nothing_from_another() -> None:
    async with Terrarium(llm=says()) as engine, engine.subscribe(MessageDropped) as feed:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        await engine.connect(a, b, channel="wide")
        await engine.add_channel("narrow", senders=[a], listeners=[b], capacity=1)
        await b.stop()
        for number in range(3):
            await engine.send("wide", str(number), sender="a")
        await engine.send("narrow", "3", sender="a")
        await engine.send("narrow", "4", sender="a")
        await b.start()
        await engine.quiet()
        assert told(b.agent) == ["[#wide] a: 0", "[#wide] a: 1", "[#wide] a: 2", "[#narrow] a: 4"]
        assert len(feed.items) == 1


async def test_two_creatures_that_answer_each_other_are_stopped() -> None:
    async with Terrarium(llm=says("ping"), limits=GraphLimits(max_hops=7)) as engine:
        async with engine.subscribe(LoopStopped) as feed:
            a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
            await engine.wire_output(a, b)
            await engine.wire_output(b, a)
            a.inject("go")
            await engine.quiet()
            assert (a.agent.turns, b.agent.turns) == (4, 4)
            assert [(seen.event.sender, seen.event.hops) for seen in feed.items] == [("b", 8)]
        await a.run("again")  # what a user says begins a new chain
        await engine.quiet()
        assert (a.agent.turns, b.agent.turns) == (8, 8)


async def test_a_wire_takes_what_is_answered_from_now_on() -> None:
    async with Terrarium(llm=says("done")) as engine:
        a, b, c = [await engine.add_creature({"name": name}) for name in "abc"]
        await engine.wire_output(a, b)
        await a.run("first")
        await engine.wire_output(a, c)
        await engine.wire_output(a, b, prompt="{source} says {content}!")
        await engine.quiet()
        assert (told(b.agent), told(c.agent)) in ((["[a] done"], []), (["a says done!"], []))
        await a.run("second")
        await engine.wire_output(a, c, with_content=False)
        await engine.quiet()
        assert told(b.agent)[1:] == ["a says done!"]
        await a.run("third")
        await engine.unwire_output(a, b)
        await engine.quiet()
        assert told(c.agent)[-1] == "[a] a has finished a turn."
        with pytest.raises(NotFound, match="no wire from a to b"):
            await engine.unwire_output(a, b)


async def test_which_channel_is_meant() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b, c, d = [await engine.add_creature({"name": name}) for name in "abcd"]
        await engine.connect(a, b, channel="news")
        await engine.connect(c, d, channel="news")
        with pytest.raises(UsageError, match="2 graphs have a channel 'news'"):
            await engine.send("news", "hello")
        await engine.send("news", "hello", of=c)
        with pytest.raises(NotFound, match="no channel 'newz'") as missing:
            await engine.send("newz", "hello", sender="a")
        assert "news" in missing.value.hint
        await engine.quiet()
        assert (told(b.agent), told(d.agent)) == ([], ["[#news] user: hello"])
