"""A turn's cost is the sum of what its calls cost, whoever made them; one unknown makes it unknown."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import kt
import pytest
from kt import Agent, Message, Text, ToolCall, TurnResult, Usage, hookimpl
from kt.errors import ModelError, PluginError
from kt.events import LLMEnded
from kt.testing import ScriptedLLM

pytestmark = pytest.mark.anyio
M = 1e-6
OPUS = Usage(1000, 100, cached=500, cache_write=200)
"""Claude Opus 4.5 is 5, 25, 0.5 and 6.25 USD for a million of input, output, cached and written to the cache."""
OPUS_COST = (300 * 5 + 500 * 0.5 + 200 * 6.25 + 100 * 25) * M


class Model:
    """A model with a real name, which uses what it is told to and calls a tool until its last reply."""

    def __init__(
        self, *replies: "Usage | Message | Exception | None", model: str = "anthropic/claude-opus-4-5"
    ) -> None:
        self.model, self.replies = model, list(replies)

    async def stream(self, request: kt.Request) -> Any:
        step = self.replies.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Message):
            yield step
            return
        parts: list[Any] = [ToolCall(f"c{len(self.replies)}", "look", "{}")] if self.replies else [Text("done")]
        usage = None if step is None else replace(step)
        yield Message("assistant", parts, finish="stop", usage=usage, model=self.model.partition("/")[2])


def look() -> str:
    return "seen"


async def spent(llm: Any, *plugins: Any, prices: Any = None, **options: Any) -> TurnResult:
    enabled = [{"prices": {"prices": prices or {}}}, *plugins]
    async with await Agent.build({}, llm=llm, tools=[look], plugins=enabled, **options) as agent:
        return await agent.run("go")


async def test_a_turn_costs_what_its_calls_cost() -> None:
    result = await spent(Model(OPUS, OPUS, Usage(0, 40)))
    assert result.usage.cost == pytest.approx(2 * OPUS_COST + 40 * 25 * M)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("openai/gpt-4.1-mini", (1000 * 0.4 + 100 * 1.6) * M),
        ("openai-responses/gpt-5", (1000 * 1.25 + 100 * 10) * M),
        ("deepseek/deepseek-v3.1-terminus", (1000 * 0.27 + 100 * 0.95) * M),
        ("openrouter/anthropic/claude-opus-4.5", (1000 * 5 + 100 * 25) * M),
        ("gemini/gemini-2.5-flash", (1000 * 0.3 + 100 * 2.5) * M),
        ("kimi/kimi-k2.5", (1000 * 0.6 + 100 * 3) * M),
    ],
)
async def test_our_names_of_models_are_found(model: str, cost: float) -> None:
    assert (await spent(Model(Usage(1000, 100), model=model))).usage.cost == pytest.approx(cost)


@pytest.mark.parametrize(
    "name",
    ["scripted", "local/qwen", "anthropic/none-such", "nowhere/claude-opus-4-5", "codex/gpt-5", "claude-opus-4-5"],
)
async def test_an_unknown_price_is_unknown_and_never_zero(name: str) -> None:
    assert (await spent(Model(OPUS, model=name))).usage.cost is None


async def test_what_the_provider_says_goes_first() -> None:
    result = await spent(Model(Usage(1000, 100, cost=0.5), Usage(0, 40)))
    assert result.usage.cost == pytest.approx(0.5 + 40 * 25 * M)


def said(model: str, usage: Usage, *, calls: bool = False, **more: Any) -> Message:
    parts: list[Any] = [ToolCall("c", "look", "{}")] if calls else [Text("done")]
    return Message("assistant", parts, finish="stop", usage=usage, model=model, **more)


async def test_the_model_that_answered_is_priced() -> None:
    result = await spent(Model(said("claude-haiku-4-5-20251001", Usage(1000, 100))))
    assert result.usage.cost == pytest.approx((1000 * 1 + 100 * 5) * M)


@pytest.mark.parametrize(("model", "known"), [("", True), ("claude-opus-4-5-99990101", True), ("mythos-9", False)])
async def test_another_model_than_was_asked_is_not_priced_as_that(model: str, known: bool) -> None:
    result = await spent(Model(said(model, Usage(0, 40))))
    assert result.usage.cost == (pytest.approx(40 * 25 * M) if known else None)


async def test_one_unknown_call_makes_the_turn_unknown() -> None:
    for first, second in [("mythos-9", "claude-opus-4-5"), ("claude-opus-4-5", "mythos-9")]:
        llm = Model(said(first, Usage(0, 40), calls=True), said(second, Usage(0, 40)))
        assert (await spent(llm)).usage.cost is None


@pytest.mark.parametrize("usages", [(None, Usage(0, 40)), (Usage(0, 40), None), (None,)])
async def test_a_reply_that_says_nothing_of_its_usage_makes_the_turn_unknown(usages: "Iterable[Usage | None]") -> None:
    assert (await spent(Model(*usages))).usage.cost is None


async def test_terms_of_the_request_and_of_the_answer_count() -> None:
    llm = Model(
        said("gpt-5", Usage(1000, 100), wire="chat", x={"chat": {"service_tier": "flex"}}), model="openai/gpt-5"
    )
    assert (await spent(llm)).usage.cost == pytest.approx((1000 * 0.625 + 100 * 5) * M)


async def test_own_prices_win() -> None:
    own = {"local/qwen": {"input": 0, "output": 2}, "anthropic/claude-opus-4-5": {"input": 1, "output": 1}}
    assert (await spent(Model(Usage(10, 100), model="local/qwen"), prices=own)).usage.cost == pytest.approx(200 * M)
    assert (await spent(Model(Usage(10, 100)), prices=own)).usage.cost == pytest.approx(110 * M)
    free = {"local/qwen": {"input": 0, "output": 0}}
    assert (await spent(Model(Usage(10, 100), model="local/qwen"), prices=free)).usage.cost == 0.0


async def test_a_context_of_ones_own_leaves_the_price_alone() -> None:
    own = {"prices": {"prices": {"anthropic/claude-opus-4-5": {"context": 9}, "local/qwen": {"context": 4096}}}}
    assert (await spent(Model(Usage(0, 40)), own)).usage.cost == pytest.approx(40 * 25 * M)
    for name, context in {"anthropic/claude-opus-4-5": 9, "local/qwen": 4096, "local/other": None}.items():
        async with await Agent.build({}, llm=Model(model=name), plugins=[own]) as agent:
            assert agent.plugin("prices").context(agent) == context
    async with await Agent.build({}, llm=Model(), plugins=["prices"]) as agent:
        assert agent.plugin("prices").context(agent) == 200_000


@pytest.mark.parametrize("own", ["cheap", {"local/qwen": {"ouput": 1}}, {"local/qwen": {"input": -1}}])
async def test_wrong_prices_of_ones_own_are_refused(own: Any) -> None:
    with pytest.raises(PluginError):
        await spent(Model(), prices=own)


def asking(tries: int, tier: str = "normal", *, fails: bool = False) -> type:
    """Return a plugin that asks several times and takes the last reply, or fails after it."""

    class Asks:
        @hookimpl
        async def kt_around_llm_call(self, request: kt.Request, next: Callable[..., Any]) -> Message:
            for _ in range(tries - 1):
                await next(request)
            reply: Message = await next(request)
            if fails:
                raise ModelError("none of them will do")
            return reply

    Asks.tier = tier  # type: ignore[attr-defined]
    return Asks


def replies(*usages: Usage) -> list[Message]:
    return [said("claude-opus-4-5", replace(usage)) for usage in usages]


@pytest.mark.parametrize("tier", ["outer", "normal"])
async def test_what_a_hook_asked_again_is_in_the_sum(tier: str) -> None:
    result = await spent(Model(*replies(OPUS, Usage(0, 40))), asking(2, tier))
    assert (result.turns, result.usage.output) == (2, 140)
    assert result.usage.cost == pytest.approx(OPUS_COST + 40 * 25 * M)


@pytest.mark.parametrize("tier", ["outer", "normal"])
async def test_what_was_asked_again_keeps_the_providers_own_costs(tier: str) -> None:
    result = await spent(Model(*replies(replace(OPUS, cost=0.5), Usage(0, 40, cost=0.25))), asking(2, tier))
    assert result.usage.cost == pytest.approx(0.75)


async def test_a_reply_costs_what_it_used_itself() -> None:
    costs = []
    async with await Agent.build({}, llm=Model(*replies(OPUS, Usage(0, 40))), plugins=["prices", asking(2)]) as agent:
        agent.bus.on(LLMEnded, lambda event: costs.append(event.usage.cost))
        await agent.run("go")
    assert costs == [pytest.approx(40 * 25 * M)]


@pytest.mark.parametrize("tier", ["outer", "normal"])
async def test_what_a_failed_turn_used_is_paid_as_well(tier: str) -> None:
    result = await spent(Model(*replies(OPUS, Usage(0, 40))), asking(2, tier, fails=True))
    assert not result.ok
    assert result.usage.cost == pytest.approx(OPUS_COST + 40 * 25 * M)


async def test_a_call_that_failed_before_it_answered_costs_nothing() -> None:
    class Retry:
        @hookimpl
        async def kt_around_llm_call(self, request: kt.Request, next: Callable[..., Any]) -> Message:
            try:
                reply: Message = await next(request)
            except ModelError:
                reply = await next(request)
            return reply

    result = await spent(Model(ModelError("overloaded"), *replies(Usage(0, 40))), Retry)
    assert result.unwrap().usage.cost == pytest.approx(40 * 25 * M)


async def test_the_tier_is_that_of_each_call() -> None:
    model, long = "anthropic/claude-sonnet-4-5", Usage(150_000, 0)
    parts = [said("claude-sonnet-4-5", replace(long)) for _ in range(3)]
    result = await spent(Model(*parts, model=model), asking(3, "outer"))
    assert result.usage.cost == pytest.approx(3 * 150_000 * 3 * M)
    parts = [said("claude-sonnet-4-5", replace(long)) for _ in range(3)]
    hidden = await spent(Model(*parts, model=model), asking(3, "normal"))
    assert hidden.usage.cost is None  # 300,000 tokens in two calls: either tier


async def test_a_reply_that_a_hook_kept_costs_nothing() -> None:
    class Cache:
        @hookimpl
        async def kt_around_llm_call(self) -> Message:
            return said("claude-opus-4-5", Usage(1000, 100, cost=0.5))

    result = await spent(Model(), Cache)
    assert (result.text, result.turns, result.usage) == ("done", 0, Usage())


async def test_what_others_add_to_a_turn_is_not_priced_as_the_models() -> None:
    class Subagent:
        @hookimpl
        async def kt_around_llm_call(self, agent: Agent, request: Any, next: Callable[..., Any]) -> Message:
            reply: Message = await next(request)
            assert agent.turn is not None
            agent.turn.usage.add(Usage(10, 10))
            return reply

    assert (await spent(Model(*replies(Usage(0, 40))), Subagent)).usage.cost is None


async def test_a_session_costs_what_its_turns_cost() -> None:
    llm, total = Model(), Usage()
    async with await Agent.build({}, llm=llm, tools=[look], plugins=["prices"]) as agent:
        for usages in [(OPUS, Usage(0, 40)), (Usage(0, 8),), (Usage(2000, 4),)]:
            llm.replies = list(usages)
            result = await agent.run("go")
            total.add(result.usage)
    assert (result.usage.input, result.usage.cost) == (2000, pytest.approx((2000 * 5 + 4 * 25) * M))
    assert total.cost == pytest.approx(OPUS_COST + (40 + 8 + 4) * 25 * M + 2000 * 5 * M)


async def test_an_unknown_turn_does_not_spoil_the_next() -> None:
    llm = Model(None)
    async with await Agent.build({}, llm=llm, plugins=["prices"]) as agent:
        assert (await agent.run("one")).usage.cost is None
        llm.replies = [Usage(0, 8)]
        assert (await agent.run("two")).usage.cost == pytest.approx(8 * 25 * M)


async def test_a_scripted_model_under_a_real_name_is_priced() -> None:
    class Named(ScriptedLLM):
        model = "openai/gpt-4.1-mini"

    result = await spent(Named([[("look", {})], "It is noon."]))
    usage = result.usage
    assert usage.cost == pytest.approx((usage.input * 0.4 + usage.output * 1.6) * M)
    assert usage.total
