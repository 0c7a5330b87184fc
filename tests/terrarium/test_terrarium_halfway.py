"""What is cut or fails half-way: nothing of it stays, nothing is lost, nothing hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Terrarium, hookimpl
from kt.errors import NotFound, UnknownName, UsageError
from kt.testing import ScriptedLLM

from .conftest import Gate, says, told, until

pytestmark = pytest.mark.anyio


async def test_a_creature_whose_start_fails_is_not_there() -> None:
    @asynccontextmanager
    async def fails(agent: Agent) -> AsyncIterator[None]:
        raise RuntimeError("no")
        yield

    async with Terrarium(llm=says()) as engine:
        a = await engine.add_creature({"name": "a"})
        with pytest.raises(RuntimeError, match="no"):
            await engine.add_creature({"name": "b"}, graph=a, triggers=[fails])
        assert list(engine.members) == ["a"]
        assert [list(g.members) for g in engine.graphs.values()] == [["a"]]
        assert (await engine.add_creature({"name": "b"}, graph=a)).state == "idle"


async def test_a_recipe_that_fails_leaves_nothing() -> None:
    broken = {"creatures": [{"name": "lead"}, {"name": "m", "tools": ["nosuchtool"]}]}
    async with Terrarium(llm=says()) as engine:
        with pytest.raises(UnknownName):
            await engine.apply_recipe(broken)
        assert (engine.members, engine.graphs) == ({}, {})
        await engine.apply_recipe({"creatures": [{"name": "lead"}]})
        assert list(engine.members) == ["lead"]


async def test_a_turn_waits_until_its_agent_is_up() -> None:
    order: list[str] = []

    class Slow:
        @hookimpl
        @asynccontextmanager
        async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
            agent.send("early")
            await asyncio.sleep(0.01)
            order.append("up")
            yield

    def answer(request: Any) -> str:
        order.append("turn")
        return "ok"

    async with await Agent.build({}, llm=ScriptedLLM(answer), plugins=[Slow]) as agent:
        await until(lambda: len(agent.history) == 2)
        assert order == ["up", "turn"]


async def test_a_stop_waits_until_the_start_has_ended() -> None:
    begun: list[str] = []

    @asynccontextmanager
    async def slow(agent: Agent) -> AsyncIterator[None]:
        await asyncio.sleep(0.01)
        begun.append("in")
        yield
        begun.append("out")

    async with Terrarium(llm=says()) as engine:
        await engine.add_creature({"name": "a"}, triggers=[slow], start=False)
        starting = asyncio.create_task(engine.start("a"))
        await asyncio.sleep(0)
        await engine.stop("a")
        await asyncio.wait([starting])
        assert isinstance(starting.exception(), UsageError | None)
        assert begun == ["in", "out"]


async def test_a_connection_to_who_is_just_being_removed_is_refused() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b = [await engine.add_creature({"name": name}) for name in "ab"]
        async with engine.lock:
            removing = asyncio.create_task(engine.remove_creature(b))
            connecting = asyncio.create_task(engine.connect(a, b))
            await asyncio.sleep(0.01)
        await removing
        with pytest.raises(NotFound, match="no creature 'b'"):
            await connecting
        assert [list(g.channels) for g in engine.graphs.values()] == [[]]


async def test_a_change_whose_caller_is_cancelled_is_whole(tmp_path: Path) -> None:
    async with Terrarium(llm=says(), session_dir=tmp_path) as engine:
        a, b = [await engine.add_creature({"name": name}) for name in "ab"]
        connecting = asyncio.create_task(engine.connect(a, b, channel="x"))
        await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.wait([connecting])
        await until(lambda: not engine.lock.locked())
        assert [(list(g.members), list(g.channels)) for g in engine.graphs.values()] == [(["a", "b"], ["x"])]


async def test_a_creature_that_was_never_started_does_not_keep_a_team_from_coming_back(tmp_path: Path) -> None:
    async with Terrarium(llm=says(), session_dir=tmp_path) as engine:
        a, b = [await engine.add_creature({"name": name}) for name in "ab"]
        await engine.connect(a, b)
        await engine.add_creature({"name": "c"}, graph=a, start=False)
        await a.run("hello")
        home = engine.graph_of(a).log.path
    assert home is not None
    async with await Terrarium.resume(home, llm=says()) as engine:
        assert list(engine.members) == ["a", "b"]


async def test_a_queue_gives_nothing_to_who_waits_for_an_answer() -> None:
    gate = Gate()
    async with Terrarium(llm=says()) as engine:
        a = await engine.add_creature({"name": "a"})
        b, c = await engine.add_creature({"name": "b"}), await engine.add_creature({"name": "c"}, llm=gate)
        channel = await engine.add_channel("jobs", senders=[a], listeners=[b, c], type="queue", capacity=50)
        b.state = "waiting"
        for number in range(20):
            await engine.send("jobs", str(number), sender="a")
        assert (len(channel.backlog), b.stored) == (19, [])
        gate.open.set()
        await until(lambda: len(told(c.agent)) == 20)


async def test_what_a_stopped_listener_finds_is_bounded_by_its_channel() -> None:
    async with Terrarium(llm=says()) as engine:
        a, b = [await engine.add_creature({"name": name}) for name in "ab"]
        await engine.add_channel("x", senders=[a], listeners=[b], capacity=1500)
        await engine.stop(b)
        for number in range(1500):
            await engine.send("x", str(number), sender="a")
        assert len(b.stored) == 1500
        b.agent.provider = Gate()  # type: ignore[assignment]
        await engine.start(b)
        assert len(b.agent.inbox.items) == 1500


async def test_the_creature_that_users_talk_to_is_not_taken_away(tmp_path: Path) -> None:
    recipe = tmp_path / "team.yaml"
    recipe.write_text("terrarium: {creatures: [{name: lead}, {name: w}]}\n")
    (tmp_path / "work").mkdir()
    async with await Agent.build(recipe, llm=says(), pwd=tmp_path / "work") as lead:
        engine = lead.plugin("terrarium").member.engine
        for work in (engine.remove_creature, engine.stop):
            with pytest.raises(UsageError, match="users talk to"):
                await work("lead")
        assert (await lead.run("hello")).text == "ok"
