"""Time: a turn ends when its time is used up, or when nothing happens for too long."""

import asyncio
from typing import Any

import pytest
from kt import Agent, Context, Host
from kt.errors import LimitReached
from kt.testing import VirtualClock, running
from kt_budget.budget import Budget
from kt_budget.settings import Bounds, Settings

pytestmark = pytest.mark.anyio


class Stuck:
    """A tool that never ends, and says that it has begun."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def wait(self) -> str:
        """Wait."""
        self.began.set()
        await asyncio.Event().wait()
        return "never"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def stuck_agent(clock: VirtualClock, stuck: Stuck, **settings: Any) -> Any:
    steps = [[("wait", {})], "so it goes"] * 5
    plugins = [Budget(Settings(**settings))]
    return running(steps, tools=[stuck.wait], host=Host(clock=clock), plugins=plugins)


@pytest.mark.parametrize("scope", ["turn", "session", "creature", "day"])
async def test_the_time_of_each_scope_ends_the_turn_and_closes_the_history(clock: VirtualClock, scope: str) -> None:
    stuck = Stuck()
    async with stuck_agent(clock, stuck, **{scope: Bounds(max_seconds=90)}) as agent:
        turn = asyncio.ensure_future(agent.run("go"))
        await stuck.began.wait()
        await clock.advance(89)
        assert not turn.done()
        await clock.advance(1)
        result = await turn
        assert (result.status, result.exit_code) == ("limit", 3)
        assert isinstance(result.error, LimitReached)
        assert result.error.what == f"the {scope}'s budget is used up: 90 of 90 seconds"
        assert agent.history[-1].parts[0].text == "not finished: the turn ended (limit)"
        assert agent.plugin("budget").spent(scope).seconds == 90


async def test_a_session_sums_up_the_time_of_its_turns_and_not_what_lies_between(clock: VirtualClock) -> None:
    async def work() -> str:
        await clock.sleep(40)
        return "worked"

    plugin = Budget(Settings(session=Bounds(max_seconds=100)))
    steps = [[("work", {})], "done"] * 3
    async with running(steps, tools=[work], host=Host(clock=clock), plugins=[plugin]) as agent:
        ends = []
        for _ in range(3):
            turn = asyncio.ensure_future(agent.run("go"))
            await clock.advance(40)
            ends.append((turn.done(), plugin.spent("session").seconds))
            await clock.advance(1000 if turn.done() else 0)
        assert ends == [(True, 40), (True, 80), (True, 100)]
        assert (await turn).status == "limit"


async def test_silence_ends_a_turn_and_a_sign_of_life_does_not(clock: VirtualClock) -> None:
    async def work(ctx: Context[Any]) -> str:
        for _ in range(5):
            await clock.sleep(50)
            ctx.progress("going on")
        await clock.sleep(1000)
        return "never"

    plugin = Budget(Settings(idle_seconds=60))
    async with running([[("work", {})]], tools=[work], host=Host(clock=clock), plugins=[plugin]) as agent:
        turn = asyncio.ensure_future(agent.run("go"))
        await clock.advance(5 * 50 + 59)
        assert not turn.done()
        await clock.advance(1)
        error = (await turn).error
        assert error is not None
        assert (error.what, error.exit_code) == ("nothing happened for 60 seconds", 3)


async def test_what_a_sub_agent_does_is_a_sign_of_life_of_its_parent(clock: VirtualClock) -> None:
    async def tick(ctx: Context[Any]) -> str:
        for _ in range(4):
            await clock.sleep(50)
            ctx.progress("going on")
        return "ticked"

    async def delegate(ctx: Context[Any]) -> str:
        share = ctx.agent.plugin("budget").share(0.5)
        async with running([[("tick", {})], "found"], tools=[tick], host=ctx.agent.host, plugins=[share]) as child:
            return (await child.run("go")).unwrap().text

    plugin = Budget(Settings(idle_seconds=60))
    steps = [[("delegate", {})], "told"]
    async with running(steps, tools=[delegate], host=Host(clock=clock), plugins=[plugin]) as agent:
        turn = asyncio.ensure_future(agent.run("go"))
        await clock.advance(200)
        assert (await turn).unwrap().text == "told"


async def test_nothing_watches_a_turn_that_has_no_bound_of_time() -> None:
    def names() -> str:
        return " ".join(task.get_name() for task in asyncio.all_tasks())

    async with running([[("names", {})], "ok"], tools=[names], plugins=[Budget(Settings(max_calls=5))]) as agent:
        assert " budget" not in ((await agent.run("go")).tool_calls[0].result or "")
    async with running([[("names", {})], "ok"], tools=[names], plugins=[Budget(Settings(idle_seconds=5))]) as agent:
        assert "test budget" in ((await agent.run("go")).tool_calls[0].result or "")
        await asyncio.sleep(0)
        assert "test budget" not in names()


async def test_who_interrupts_a_turn_is_told_so_whatever_time_is_left(clock: VirtualClock) -> None:
    stuck = Stuck()
    async with stuck_agent(clock, stuck, idle_seconds=10) as agent:
        assert isinstance(agent, Agent)
        turn = asyncio.ensure_future(agent.run("go"))
        await stuck.began.wait()
        agent.interrupt()
        assert (await turn).status == "cancelled"
