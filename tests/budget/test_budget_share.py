"""A share pays from its own bounds and from those above it; whichever is used up first ends it."""

import asyncio
from typing import Any

import pytest
from kt import Context, Profile, Request, Usage
from kt.errors import LimitReached, UsageError
from kt.testing import EventRecorder, running
from kt_budget.budget import Budget, BudgetWarning
from kt_budget.settings import Bounds, Settings

pytestmark = pytest.mark.anyio


def look() -> str:
    return "seen"


def forever(request: Request) -> Any:
    return [("look", {})]


async def child_of(budget: Budget, steps: Any = forever, part: float | Bounds = 0.5) -> Any:
    """Run an agent with a share of a budget to its end; return its result and the share."""
    share = budget.share(part)
    async with running(steps, tools=[look], plugins=[share]) as agent:
        return await agent.run("go"), share


async def test_an_agent_whose_tool_runs_an_agent_pays_for_both() -> None:
    shares: list[Budget] = []

    async def delegate(ctx: Context[Any]) -> str:
        result, share = await child_of(ctx.agent.plugin("budget"))
        shares.append(share)
        return f"{result.status} after {result.turns}"

    plugin = Budget(Settings(turn=Bounds(max_turns=9), warn_at=1.0))
    async with running([[("delegate", {})], [("delegate", {})], "done"], tools=[delegate], plugins=[plugin]) as agent:
        result = (await agent.run("go")).unwrap()
        # Half of the 8 that are left after the first call, then half of 3.
        assert [call.result for call in result.tool_calls] == ["limit after 4", "limit after 2"]
        assert [share.spent("share").turns for share in shares] == [4, 2]
        assert plugin.spent("turn").turns == plugin.spent("session").turns == 3 + 4 + 2


async def test_shares_of_shares_pay_all_the_way_up() -> None:
    used: dict[str, tuple[int, int]] = {}

    async def delegate(ctx: Context[Any], depth: int) -> str:
        share = ctx.agent.plugin("budget").share(0.9)
        steps = [[("delegate", {"depth": depth - 1})], "fine"] if depth else ["fine"]
        async with running(steps, tools=[delegate], plugins=[share]) as agent:
            text = (await agent.run("go")).unwrap().text
        used[f"depth {depth}"] = (share.spent("share").turns, share.spent("share").calls)
        return text

    plugin = Budget(Settings(session=Bounds(max_turns=100, max_calls=50), warn_at=1.0))
    async with running([[("delegate", {"depth": 2})], "fine"], tools=[delegate], plugins=[plugin]) as agent:
        (await agent.run("go")).unwrap()
    assert used == {"depth 0": (1, 0), "depth 1": (3, 1), "depth 2": (5, 2)}
    assert (plugin.spent("session").turns, plugin.spent("session").calls) == (7, 3)


async def test_a_share_ends_when_its_parent_has_nothing_left() -> None:
    pool = Budget(Settings(session=Bounds(max_turns=3), warn_at=1.0))
    result, share = await child_of(pool, part=Bounds(max_turns=100))
    assert result.error.what == "the session's budget is used up: 3 of 3 model calls"
    assert share.spent("share").turns == pool.spent("session").turns == 3
    with pytest.raises(LimitReached, match="the session's budget is used up"):
        pool.share(0.5)


async def test_children_at_once_never_make_more_calls_than_their_parent_may() -> None:
    made: list[str] = []

    async def slow(request: Request) -> Any:
        made.append("call")
        await asyncio.sleep(0)
        return [("look", {})]

    pool = Budget(Settings(session=Bounds(max_turns=10), warn_at=1.0))
    results = await asyncio.gather(*[child_of(pool, slow, 1.0) for _ in range(6)])
    assert {result.status for result, _ in results} == {"limit"}
    assert len(made) == pool.spent("session").turns == sum(share.spent("share").turns for _, share in results) == 10


async def test_children_at_once_spend_no_more_than_what_is_in_flight_beyond(paid: Any) -> None:
    pool = Budget(Settings(session=Bounds(max_usd=1.0), warn_at=1.0))
    children = 5
    results = await asyncio.gather(
        *[child_of(pool, paid(*[Usage(10, 1, cost=0.3)] * 50), Bounds(max_usd=50)) for _ in range(children)]
    )
    assert {result.status for result, _ in results} == {"limit"}
    assert 1.0 <= pool.spent("session").usd < 1.0 + children * 0.3


async def test_a_share_is_of_what_is_left_of_each_kind_and_warns_of_its_own() -> None:
    bounds = Bounds(max_turns=5, max_calls=3, max_tokens=101, max_usd=1.0, max_seconds=60)
    assert Budget(Settings(session=bounds)).share(0.5).config.session == Bounds(3, 2, 51, 0.5, 30)
    share = Budget(Settings(session=Bounds(max_turns=5))).share(0.8)
    async with running(["one", "two", "three", "four"], plugins=[share]) as agent:
        events = EventRecorder(agent)
        for _ in range(4):
            await agent.run("go")
        assert [(e.scope, e.what) for e in events.of(BudgetWarning)] == [("share", "turns")]


@pytest.mark.parametrize("part", [0, -1, 1.5, float("nan")])
async def test_what_is_no_part_is_refused(part: float) -> None:
    with pytest.raises(UsageError, match="is no part of a budget"):
        Budget(Settings()).share(part)


async def test_a_budget_by_day_is_shared_by_a_running_agent_only() -> None:
    plugin = Budget(Settings(day=Bounds(max_turns=4), warn_at=1.0))
    with pytest.raises(UsageError, match="shared by a running agent"):
        plugin.share(0.5)
    async with running(["one"], plugins=[plugin]) as agent:
        (await agent.run("go")).unwrap()
        result, share = await child_of(plugin)
        assert (result.turns, share.spent("share").turns, plugin.spent("day").turns) == (2, 2, 3)


async def test_a_profiles_budget_gives_way_to_a_share() -> None:
    profile = Profile("daily", {"budget": {"day": {"max_turns": 50}}})
    async with running(["one"], profile=profile) as agent:
        plugin: Budget = agent.plugin("budget")
        share = plugin.share(0.5)
        async with running(["one"], profile=profile, plugins=["no:budget", share]) as child:
            assert child.plugin("budget") is share
            (await child.run("go")).unwrap()
        assert plugin.spent("day").turns == 1


async def test_the_unknown_cost_of_a_child_is_unknown_above(paid: Any) -> None:
    pool = Budget(Settings(session=Bounds(max_usd=5)))
    (await child_of(pool, paid(Usage(10, 1))))[0].unwrap()
    result, _ = await child_of(pool, paid(Usage(10, 1, cost=0.1)))
    assert "is unknown" in result.error.what
