"""Which model a sub-agent asks, and what it may spend."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Host, Limits, Message, Plugins, Status, Turn, Usage, tool
from kt.errors import LimitReached
from kt.testing import EventRecorder, ScriptedLLM
from kt_budget.budget import Budget
from kt_budget.settings import Bounds
from kt_budget.settings import Settings as BudgetSettings
from kt_subagents.child import Allowance
from kt_subagents.events import SubagentEnded
from kt_subagents.usage import minus, plus

pytestmark = pytest.mark.anyio


@tool
def look() -> str:
    """Look."""
    return "an owl"


def forever(request: Any) -> Any:
    return [("look", {})]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Host:
    """Return a host on which models are called told/NAME, and "fast" is a preset of one."""
    (tmp_path / "config.toml").write_text('[models.fast]\nprovider = "told"\nmodel = "fast"\nsettings = {top_k = 7}\n')
    monkeypatch.setenv("KT_HOME", str(tmp_path))
    plugins = Plugins()

    class Told(ScriptedLLM):
        def __init__(self, model: str, options: Any, host: Any) -> None:
            super().__init__(lambda request: f"told by {model}")

    plugins.registry.provider("told", Told)
    return Host(plugins)


@pytest.mark.parametrize(
    ("spec", "models", "model", "settings"),
    [
        ({}, {}, "cast", {"temperature": 0.5}),
        ({"llm": "told/own"}, {}, "told/own", {}),
        ({"llm": "told/own"}, {"helper": "fast"}, "told/fast", {"top_k": 7}),
        ({"llm": "told/own"}, {"other": "fast"}, "told/own", {}),
    ],
)
async def test_the_users_model_comes_before_its_own_and_that_before_its_parents(
    boss: Any, make_cast: Any, task: Any, sub: Any, host: Host, spec: Any, models: Any, model: str, settings: Any
) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=["told by cast"])
    async with host, boss(cast, sub("helper", **spec), host=host, plugins=[{"subagents": {"models": models}}]) as agent:
        agent.settings = {"temperature": 0.5}
        result = (await agent.run("go")).unwrap()
        child = agent.plugin("subagents").find("s1").agent
        assert (child.model, dict(child.settings)) == (model, settings)
        assert (child.provider is agent.provider) == (model == "cast")
    assert result.tool_calls[0].result == f"[helper s1]\ntold by {model.removeprefix('told/')}"


async def test_its_share_of_a_budget_ends_it_and_its_parent_goes_on(
    boss: Any, make_cast: Any, task: Any, sub: Any
) -> None:
    budget = Budget(BudgetSettings(session=Bounds(max_turns=9), warn_at=1.0))
    cast = make_cast(boss=[[task(wait=True)], "I go on."], helper=forever)
    async with boss(cast, sub("helper", tools=["look"]), tools=[look], plugins=[budget]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
    assert [e.status for e in recorder.of(SubagentEnded)] == ["limit"]
    assert result.text == "I go on."
    assert "4 of 4 model calls" in str(result.tool_calls[0].error)
    assert budget.spent("session").turns == 2 + 4


async def test_a_background_one_is_charged_exactly_once(boss: Any, make_cast: Any, task: Any) -> None:
    cast = make_cast(boss=[[task()], "It looks.", "done"], helper=["one two three"])
    async with boss(cast, plugins=[{"budget": {"session": {"max_tokens": 10_000}}}]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
        (ended,) = recorder.of(SubagentEnded)
        assert agent.plugin("budget").spent("session").tokens == result.usage.total + ended.used.total


async def test_a_share_of_a_share_is_charged_to_all(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    budget = Budget(BudgetSettings(session=Bounds(max_turns=40), warn_at=1.0))
    cast = make_cast(
        boss=[[task("lead", wait=True)], "done"], lead=[[task("helper", wait=True)], "led"], helper=["looked"]
    )
    lead = sub("lead", subagents=[sub("helper", share=0.1)], plugins={"budget": {"session": {"max_turns": 1}}})
    async with boss(cast, lead, plugins=[budget]) as agent:
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].result == "[lead s1]\nled"
    assert budget.spent("session").turns == 2 + 2 + 1


async def test_a_budget_that_is_used_up_starts_nobody(boss: Any, make_cast: Any, task: Any) -> None:
    budget = Budget(BudgetSettings(session=Bounds(max_turns=1), warn_at=1.0))
    cast = make_cast(boss=[[task(wait=True)], "never"], helper=["never"])
    async with boss(cast, plugins=[budget]) as agent:
        result = await agent.run("go")
    assert result.status is Status.limit
    assert cast.requests("helper") == []
    assert "budget is used up" in str(result.tool_calls[0].error)


async def test_the_token_limit_of_a_turn_bounds_its_sub_agents(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=forever)
    async with boss(cast, sub("helper", tools=["look"], share=0.1), tools=[look]) as agent:
        recorder = EventRecorder(agent)
        (await agent.run("go", limits=Limits(max_tokens=1000))).unwrap()
    (ended,) = recorder.of(SubagentEnded)
    assert ended.status == "limit"
    assert 90 <= ended.used.total < 200


async def test_what_one_used_of_a_turns_tokens_is_gone_for_the_next(
    boss: Any, make_cast: Any, task: Any, sub: Any
) -> None:
    cast = make_cast(boss=[[task(wait=True)], [task(wait=True)], "done"], helper=forever)
    async with boss(cast, sub("helper", tools=["look"], share=1.0), tools=[look]) as agent:
        result = (await agent.run("go", limits=Limits(max_tokens=1000))).unwrap()
    assert "ended with status limit" in str(result.tool_calls[0].error)
    assert result.tool_calls[1].error == "the turn and its sub-agents used its limit of 1000 tokens"


def test_what_sub_agents_used_is_no_more_left_for_others() -> None:
    turn, allowance = Turn(1, Message("user", []), "user", Limits(max_tokens=100)), Allowance()
    turn.usage.input = 20
    assert allowance.limits(turn, Limits(), 0.5) == Limits(max_tokens=40)
    assert allowance.limits(turn, Limits(max_turns=3, max_tokens=10), 0.5) == Limits(max_turns=3, max_tokens=10)
    allowance.charge(turn, 40)
    assert allowance.limits(turn, Limits(), 0.5) == Limits(max_tokens=20)
    allowance.charge(Turn(2, None, "user", Limits()), 1000)
    allowance.charge(turn, 40)
    with pytest.raises(LimitReached, match="its limit of 100 tokens"):
        allowance.limits(turn, Limits(), 0.5)
    assert allowance.limits(Turn(3, None, "user", Limits(max_tokens=10)), Limits(), 1.0) == Limits(max_tokens=10)
    assert allowance.limits(None, Limits(max_turns=1), 0.5) == Limits(max_turns=1)


counts = st.integers(0, 10**6)
usages = st.builds(Usage, counts, counts, counts, counts, counts, st.one_of(st.none(), st.integers(0, 100).map(float)))


@given(usages, usages)
def test_what_was_added_can_be_taken_away(one: Usage, other: Usage) -> None:
    rest = minus(plus(one, other), other)
    assert (rest.input, rest.output, rest.cached, rest.cache_write, rest.reasoning) == (
        one.input, one.output, one.cached, one.cache_write, one.reasoning,
    )  # fmt: skip
    if one.total and other.total:
        assert rest.cost == (None if other.cost is None else one.cost)
