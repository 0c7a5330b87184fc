"""The root of a graph: its run is that of the whole graph; budgets end it."""

import asyncio
from typing import Any

import pytest
from kt import Status, Terrarium
from kt.errors import LimitReached
from kt.testing import ScriptedLLM
from kt_terrarium.events import GraphLimitReached
from kt_terrarium.limits import GraphLimits

from .conftest import Gate, last, says, told, until

pytestmark = pytest.mark.anyio

TEAM: dict[str, Any] = {
    "terrarium": {
        "name": "team",
        "root": "lead",
        "creatures": [
            {"name": "lead", "channels": {"can_send": ["tasks"]}},
            {"name": "coder", "channels": {"listen": ["tasks"]}, "output_wiring": ["reviewer"]},
            {"name": "reviewer", "output_wiring": ["lead"]},
        ],
        "channels": {"tasks": "what is to be done"},
    }
}


def lead(request: Any) -> Any:
    """Hand the user's wish to the coder, and sum up what comes back."""
    said = last(request)
    if said.startswith("[reviewer]"):
        return f"The team says: {said}"
    return [("send_message", {"channel": "tasks", "message": said})] if said else "Wait."


async def test_the_roots_run_ends_when_its_graph_is_quiet() -> None:
    gate = Gate(lambda request: "fine")
    engine = await Terrarium.from_recipe(TEAM, llm=says("coded"))
    async with engine:
        engine.member("lead").agent.provider = ScriptedLLM(lead)
        engine.member("reviewer").agent.provider = gate
        running = asyncio.create_task(engine.run("build it"))
        await until(lambda: gate.asked)
        assert not running.done()
        gate.open.set()
        result = await running
        assert result.text == "The team says: [reviewer] fine"
        assert engine.member("lead").agent.turns == 1  # the report joined the turn that was held open
        assert told(engine.member("lead").agent) == ["build it", "[reviewer] fine"]
        assert told(engine.member("coder").agent) == ["[#tasks] lead: build it"]
        assert all(graph.quiet for graph in engine.graphs.values())


async def test_a_root_without_anything_to_wait_for_answers_at_once() -> None:
    async with await Terrarium.from_recipe(TEAM, llm=says("nothing to do")) as engine:
        assert (await engine.run("hello")).text == "nothing to do"
        assert (await engine.run("hello again")).text == "nothing to do"


async def test_another_run_that_gives_up_does_not_end_the_first() -> None:
    gate = Gate(lambda request: "fine")
    async with await Terrarium.from_recipe(TEAM, llm=says("coded")) as engine:
        engine.member("lead").agent.provider = ScriptedLLM(lead)
        engine.member("reviewer").agent.provider = gate
        first = asyncio.create_task(engine.run("build it"))
        await until(lambda: gate.asked)
        assert (await engine.run("and this", timeout=0.01)).status is Status.timeout
        await asyncio.sleep(0.01)
        assert not first.done()
        gate.open.set()
        assert (await first).text == "The team says: [reviewer] fine"


async def test_a_run_waits_for_a_creature_that_crashes_again_and_again() -> None:
    from kt.errors import ModelError

    left = [ModelError("one"), ModelError("two")]

    def flaky(request: Any) -> Any:
        return left.pop() if left else "fine"

    async with await Terrarium.from_recipe(TEAM, llm=says("coded")) as engine:
        engine.member("lead").agent.provider = ScriptedLLM(lead)
        engine.member("reviewer").agent.provider = ScriptedLLM(flaky)
        engine.member("reviewer").restart.wait = 0.005
        assert (await engine.run("build it")).text == "The team says: [reviewer] fine"


async def test_an_interrupted_run_leaves_the_others_at_work() -> None:
    gate = Gate()
    async with await Terrarium.from_recipe(TEAM, llm=says("coded")) as engine:
        engine.member("lead").agent.provider = ScriptedLLM(lead)
        engine.member("coder").agent.provider = gate
        running = asyncio.create_task(engine.run("build it"))
        await until(lambda: gate.asked)
        assert engine.member("lead").interrupt()
        assert (await running).status is Status.cancelled
        gate.open.set()
        await engine.quiet()
        assert told(engine.member("reviewer").agent) == ["[coder] done"]


@pytest.mark.parametrize(
    ("limits", "why"),
    [({"max_turns": 3}, "3 model calls"), ({"max_tokens": 5}, "tokens; its limit is 5")],
)
async def test_a_budget_ends_the_run_of_the_whole_graph(limits: dict[str, int], why: str) -> None:
    recipe = {"terrarium": {**TEAM["terrarium"], "limits": limits}}
    engine = await Terrarium.from_recipe(recipe, llm=says("coded"))
    async with engine, engine.subscribe(GraphLimitReached) as feed:
        engine.member("lead").agent.provider = ScriptedLLM(lead)
        result = await engine.run("build it")
        assert result.status is Status.limit
        assert why in str(result.error)
        assert len(feed.items) == 1
        with pytest.raises(LimitReached):
            await engine.send("tasks", "more", sender="lead")
        assert (await engine.run("more")).status is Status.limit


async def test_money_is_a_budget() -> None:
    from kt import Message, Text, Usage

    def paid(request: Any) -> Any:
        return Message("assistant", [Text("done")], finish="stop", usage=Usage(1, 1, cost=0.4))

    async with Terrarium(llm=ScriptedLLM(paid), limits=GraphLimits(max_usd=1.0)) as engine:
        a = await engine.add_creature({"name": "a"})
        for _ in range(2):
            assert (await a.run("go")).ok
        await a.run("go")
        result = await a.run("go")
        assert result.status is Status.limit
        assert "1.2 USD" in str(result.error)


async def test_what_waits_in_an_inbox_is_not_run_once_the_budget_is_spent() -> None:
    gate = Gate()
    async with Terrarium(llm=gate, limits=GraphLimits(max_turns=2)) as engine:
        a, b = await engine.add_creature({"name": "a"}), await engine.add_creature({"name": "b"})
        await engine.connect(a, b, channel="x")
        for number in range(6):
            await engine.send("x", str(number), sender="a")
        gate.open.set()
        await engine.quiet()
        assert gate.asked == 2
        assert a.graph.calls == 2


async def test_there_may_be_only_so_many_creatures() -> None:
    async with Terrarium(llm=says(), limits=GraphLimits(max_creatures=2)) as engine:
        a, b, c = [await engine.add_creature({"name": name}) for name in "abc"]
        await engine.connect(a, b)
        with pytest.raises(LimitReached, match="3 creatures are too many"):
            await engine.connect(b, c)
        with pytest.raises(LimitReached, match="3 creatures are too many"):
            await engine.add_creature({"name": "d"}, graph=a)
        assert set(engine.members) == set("abc")
        assert len(engine.graphs) == 2
