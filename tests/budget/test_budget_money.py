"""Money: what is known is counted, what is unknown is never taken for nothing."""

from typing import Any

import pytest
from kt import Message, Request, Usage, hookimpl
from kt.errors import ConfigError, ModelError
from kt.testing import running
from kt_budget.budget import Budget
from kt_budget.settings import Bounds, Settings

pytestmark = pytest.mark.anyio


def look() -> str:
    return "seen"


async def test_a_turn_ends_when_its_money_is_spent(paid: Any) -> None:
    llm = paid(*[Usage(10, 1, cost=0.1)] * 20)
    async with running(llm, tools=[look], plugins=[Budget(Settings(max_usd=1.0))]) as agent:
        result = await agent.run("go")
        assert result.status == "limit"
        assert result.turns == 10
        assert result.error is not None
        assert result.error.what == "the turn's budget is used up: 1 of 1 USD"


async def test_the_table_of_prices_is_asked_first(paid: Any) -> None:
    own = {"prices": {"prices": {"paid": {"input": 1000.0, "output": 0.0}}}}
    llm = paid(*[Usage(100, 5)] * 5)
    plugin = Budget(Settings(session=Bounds(max_usd=0.25)))
    async with running(llm, tools=[look], plugins=[plugin, own]) as agent:
        result = await agent.run("go")
        assert result.turns == 3
        assert plugin.spent("session").usd == pytest.approx(0.3)


@pytest.mark.parametrize("usage", [Usage(100, 5), None, Usage(0, 0)])
async def test_a_price_that_is_unknown_refuses_the_second_call(paid: Any, usage: Usage | None) -> None:
    llm = paid(usage, usage, usage)
    async with running(llm, tools=[look], plugins=[Budget(Settings(turn=Bounds(max_usd=5)))]) as agent:
        result = await agent.run("go")
        assert result.turns == 1
        assert isinstance(result.error, ConfigError)
        assert result.error.what == "the turn may cost 5 USD, but what 1 of its model calls cost is unknown"
        assert "unknown_price" in result.error.hint


async def test_a_reply_without_usage_is_unknown_among_known_ones_too(paid: Any) -> None:
    llm = paid(Usage(10, 1, cost=0.1), None, Usage(10, 1, cost=0.1))
    async with running(llm, tools=[look], plugins=[Budget(Settings(max_usd=5))]) as agent:
        result = await agent.run("go")
        assert (result.turns, type(result.error)) == (2, ConfigError)


async def test_what_is_known_still_counts_where_unknown_prices_are_allowed(paid: Any) -> None:
    costs = [Usage(10, 1), *[Usage(10, 1, cost=0.5)] * 5]
    plugin = Budget(Settings(max_usd=1, unknown_price="allow"))
    async with running(paid(*costs), tools=[look], plugins=[plugin]) as agent:
        result = await agent.run("go")
        assert (result.status, result.turns) == ("limit", 3)
        assert (plugin.spent("turn").usd, plugin.spent("turn").unpriced) == (1.0, 1)


async def test_an_unknown_price_does_not_matter_without_a_bound_of_money(paid: Any) -> None:
    llm = paid(Usage(10, 1), Usage(10, 1))
    async with running(llm, tools=[look], plugins=[Budget(Settings(turn=Bounds(max_turns=5)))]) as agent:
        assert (await agent.run("go")).ok


async def test_a_failed_attempt_of_known_usage_is_paid(paid: Any) -> None:
    class Picky:
        """Drop the first reply, and ask again."""

        @hookimpl
        async def kt_around_llm_call(self, request: Request, next: Any) -> Message:
            await next(request)
            raise ModelError("not to my taste")

    plugin = Budget(Settings(max_usd=1))
    async with running(paid(Usage(10, 1, cost=0.3)), tools=[look], plugins=[plugin, Picky()]) as agent:
        assert (await agent.run("go")).status == "failed"
        assert plugin.spent("turn").usd == pytest.approx(0.3)
        assert plugin.spent("session").tokens == 11


async def test_a_failed_call_that_used_nothing_is_not_unknown(paid: Any) -> None:
    llm = paid(ModelError("down"), Usage(10, 1, cost=0.1))
    async with running(llm, tools=[look], plugins=[Budget(Settings(session=Bounds(max_usd=1)))]) as agent:
        assert [(await agent.run("go")).status for _ in range(2)] == ["failed", "ok"]
