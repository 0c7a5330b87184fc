"""Creatures that crash: started again by their policy, given up, the others told; nobody else is touched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kt import Host, Status, Terrarium
from kt.errors import DataError, ModelError
from kt.testing import ScriptedLLM, VirtualClock
from kt_terrarium.engine import Member
from kt_terrarium.events import CreatureCrashed, CreatureFailed

from .conftest import says, told, until

pytestmark = pytest.mark.anyio


class Flaky:
    """A model that fails while `down`."""

    def __init__(self) -> None:
        self.down, self.asked = True, 0
        self.llm = ScriptedLLM(self._answer)

    def _answer(self, request: Any) -> Any:
        self.asked += 1
        return ModelError("down") if self.down else "up again"


@asynccontextmanager
async def stage(**restart: Any) -> AsyncIterator[tuple[Terrarium, VirtualClock, Flaky, Member]]:
    """Yield an engine with a creature that crashes; its clock stands still."""
    clock, flaky = VirtualClock(), Flaky()
    async with Host(clock=clock) as host, Terrarium(host=host, llm=says()) as engine:
        bad = await engine.add_creature({"name": "bad"}, llm=flaky.llm, restart=restart or "on-failure")
        yield engine, clock, flaky, bad


async def test_a_creature_is_started_again_later_and_later_and_then_given_up() -> None:
    async with stage() as (engine, clock, flaky, bad):
        root, other = await engine.add_creature({"name": "root"}), await engine.add_creature({"name": "other"})
        await engine.connect(root, bad, channel="x")
        await engine.connect(root, other, channel="x")
        await engine.assign_root(root)
        async with engine.subscribe(CreatureCrashed, CreatureFailed) as feed:
            await engine.send("x", "go", sender="root")
            await until(lambda: flaky.asked == 1)
            assert bad.status().state == "restarting"
            for asked, wait in ((2, 1.0), (3, 2.0), (4, 4.0)):
                await clock.advance(wait - 0.1)
                assert flaky.asked == asked - 1
                await clock.advance(0.1)
                assert flaky.asked == asked
                assert not bad.graph.quiet or asked == 4
            await engine.quiet()
            events = [seen.event for seen in feed.items]
        assert [e.wait for e in events if isinstance(e, CreatureCrashed)] == [1.0, 2.0, 4.0]
        assert isinstance(events[-1], CreatureFailed)
        assert bad.status().state == "failed"
        assert "E-MODEL" in bad.status().error
        assert told(root.agent)[-1].startswith("[terrarium] the creature bad failed and was stopped")
        assert told(other.agent) == ["[#x] root: go"]
        assert (await other.run("still there?")).ok


async def test_what_it_had_taken_is_taken_up_when_it_comes_back() -> None:
    async with stage() as (engine, clock, flaky, bad):
        a = await engine.add_creature({"name": "a"})
        await engine.connect(a, bad, channel="x")
        await engine.wire_output(bad, a)
        for number in range(3):
            await engine.send("x", str(number), sender="a")
        await until(lambda: flaky.asked == 3)
        flaky.down = False
        await clock.advance(1)
        await engine.quiet()
        assert told(bad.agent) == ["[#x] a: 0", "[#x] a: 1", "[#x] a: 2"]
        assert told(a.agent) == ["[bad] up again"]
        assert (bad.status().state, bad.status().error, len(bad.restart.crashes)) == ("idle", "", 1)


async def test_never_is_never() -> None:
    async with stage(policy="never") as (engine, _, flaky, bad):
        bad.inject("go")
        await engine.quiet()
        assert (bad.status().state, flaky.asked) == ("failed", 1)
        flaky.down = False
        await bad.start()
        bad.inject("go on")
        await engine.quiet()
        assert (bad.status().state, flaky.asked) == ("idle", 2)


async def test_a_crash_that_somebody_waits_for_is_a_result() -> None:
    async with stage() as (engine, _, _, bad):
        assert (await bad.run("go")).status is Status.failed
        await engine.quiet()
        assert bad.status().state == "idle"


async def test_a_creature_that_is_stopped_or_removed_meanwhile_is_not_started_again() -> None:
    async with stage() as (engine, clock, flaky, bad):
        bad.inject("go")
        await until(lambda: flaky.asked == 1)
        await bad.stop()
        await clock.advance(10)
        await engine.quiet()
        assert (bad.agent.started, bad.status().state, flaky.asked) == (False, "stopped", 1)
        await bad.start()
        bad.inject("again")
        await until(lambda: flaky.asked == 2)
        await engine.remove_creature(bad)
        await clock.advance(10)
        await engine.quiet()
        assert (bad.agent.started, flaky.asked) == (False, 2)


async def test_an_engine_that_closes_takes_its_restarts_along() -> None:
    clock, flaky = VirtualClock(), Flaky()
    async with Host(clock=clock) as host:
        async with Terrarium(host=host, llm=flaky.llm) as engine:
            bad = await engine.add_creature({"name": "bad"})
            bad.inject("go")
            await until(lambda: flaky.asked == 1)
        await clock.advance(10)
        await asyncio.sleep(0.01)
        assert (bad.agent.started, flaky.asked) == (False, 1)


async def test_a_policy_is_checked() -> None:
    async with Terrarium(llm=says()) as engine:
        with pytest.raises(DataError, match="on-failure or never"):
            await engine.add_creature({"name": "a"}, restart="always")
        with pytest.raises(DataError, match="restart:"):
            await engine.add_creature({"name": "a"}, restart={"often": 1})
        assert not engine.members
        assert not engine.graphs
