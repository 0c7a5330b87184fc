"""Costs are what the arithmetic says, unknown prices stay unknown, and a turn's cost is that of its calls."""

from dataclasses import replace
from typing import Any

import kt
import pytest
from kt import Agent, Host, Message, Text, ToolCall, Usage, hookimpl
from kt.errors import PluginError
from kt_prices.catalogue import Catalogue, own_price, price_of

pytestmark = pytest.mark.anyio
OPUS = Usage(1000, 100, cached=500, cache_write=200)
"""At 5, 25, 0.5 and 6.25 USD a million: (1000-500-200)*5 + 500*0.5 + 200*6.25 + 100*25 = 5,500 millionths."""


class Model:
    """A model with a real name that uses what it is told to."""

    def __init__(self, *replies: Usage, model: str = "claude-opus-4-5") -> None:
        self.model, self.replies = model, [replace(usage) for usage in replies]

    async def stream(self, request: kt.Request) -> Any:
        usage = self.replies.pop(0)
        if self.replies:
            yield Message("assistant", [ToolCall(f"c{len(self.replies)}", "look", "{}")], usage=usage, model=self.model)
        else:
            yield Message("assistant", [Text("done")], finish="stop", usage=usage, model=self.model)


def look() -> str:
    return "seen"


async def spent(llm: Any, name: str = "anthropic/claude-opus-4-5", **options: Any) -> kt.TurnResult:
    plugins = options.pop("plugins", ["prices"])
    async with await Agent.build({}, llm=llm, tools=[look], plugins=plugins, **options) as agent:
        agent.model = name
        return (await agent.run("go")).unwrap()


def test_a_price_is_what_the_arithmetic_says() -> None:
    assert price_of(OPUS, "claude-opus-4-5", "anthropic") == pytest.approx(5500e-6)
    assert price_of(OPUS, "claude-opus-4-5", None) == pytest.approx(5500e-6)
    assert price_of(OPUS, "no-such-model", "anthropic") is None
    assert price_of(OPUS, "claude-opus-4-5", "no-such-provider") is None


def test_own_prices_count_what_was_cached_apart() -> None:
    table = {"input": 10.0, "output": 20.0, "cached": 1.0}
    assert own_price(OPUS, table) == pytest.approx((300 * 10 + 500 * 1 + 200 * 10 + 100 * 20) / 1e6)
    assert own_price(OPUS, {}) == 0.0


async def test_a_turn_costs_what_its_calls_cost() -> None:
    result = await spent(Model(OPUS, Usage(1000, 100, cached=500, cache_write=200), Usage(0, 40)))
    assert result.usage.cost == pytest.approx(2 * 5500e-6 + 40 * 25e-6)


async def test_what_the_provider_says_goes_first() -> None:
    result = await spent(Model(Usage(1000, 100, cost=0.5), Usage(0, 40)))
    assert result.usage.cost == pytest.approx(0.5 + 40 * 25e-6)


@pytest.mark.parametrize(
    "name", ["scripted", "local/qwen", "anthropic/none-such", "nowhere/claude-opus-4-5", "codex/gpt-5"]
)
async def test_an_unknown_price_is_unknown_and_never_zero(name: str) -> None:
    assert (await spent(Model(OPUS, model=name.partition("/")[2]), name)).usage.cost is None


async def test_one_unknown_call_makes_the_turn_unknown() -> None:
    class Mixed(Model):
        async def stream(self, request: kt.Request) -> Any:
            async for message in super().stream(request):
                message.model = "none-such" if self.replies else self.model
                yield message

    llm = Mixed(OPUS, Usage(0, 40))
    assert (await spent(llm, "anthropic/none-such")).usage.cost is None


async def test_own_prices_win() -> None:
    own = {"prices": {"prices": {"local/qwen": {"input": 0.0, "output": 2.0}}}}
    result = await spent(Model(Usage(10, 100)), "local/qwen", plugins=[own])
    assert result.usage.cost == pytest.approx(200e-6)
    with pytest.raises(PluginError):
        await spent(Model(), plugins=[{"prices": {"prices": "cheap"}}])


async def test_a_second_try_of_a_hook_is_in_the_sum() -> None:
    class Twice:
        @hookimpl
        async def kt_around_llm_call(self, request: Any, next: Any) -> Message:
            await next(request)
            reply: Message = await next(request)
            return reply

    class Same(Model):
        async def stream(self, request: kt.Request) -> Any:
            yield Message("assistant", [Text("done")], finish="stop", usage=Usage(0, 40), model=self.model)

    result = await spent(Same(), plugins=["prices", Twice])
    assert result.usage.output == 80
    assert result.usage.cost == pytest.approx(80 * 25e-6)


async def test_each_turn_starts_anew() -> None:
    async with await Agent.build({}, llm=Model(Usage(0, 40), Usage(0, 8)), tools=[look], plugins=["prices"]) as agent:
        agent.model = "anthropic/claude-opus-4-5"
        agent.provider.replies = [Usage(0, 40)]  # type: ignore[attr-defined]
        first = await agent.run("one")
        agent.provider.replies = [Usage(0, 8)]  # type: ignore[attr-defined]
        second = await agent.run("two")
    assert (first.usage.cost, second.usage.cost) == (pytest.approx(40 * 25e-6), pytest.approx(8 * 25e-6))


def test_the_catalogue_knows_names_contexts_and_prices() -> None:
    catalogue = Catalogue(Host().plugins)
    assert "claude-opus-4-5" in catalogue.models("anthropic")
    assert catalogue.models("no-such-provider") == []
    facts = catalogue.facts("anthropic", "claude-opus-4-5")
    assert facts["context"] == "200,000 tokens"
    assert "$5/input MTok" in facts["price"]
    assert catalogue.facts("anthropic", "none-such") == {"context": "", "price": ""}
