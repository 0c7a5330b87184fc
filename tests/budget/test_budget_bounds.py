"""What is used up ends the turn with status limit; what was done by then stays."""

import asyncio
from typing import Any

import pytest
from kt import Message, Request, ToolCall, hookimpl
from kt.errors import LimitReached, ModelError, UsageError
from kt.events import Refused
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_budget.budget import Budget, BudgetWarning
from kt_budget.settings import Bounds, Settings

pytestmark = pytest.mark.anyio


def look() -> str:
    return "seen"


def forever(request: Request) -> Any:
    return [("look", {})]


def budget(**settings: Any) -> Budget:
    return Budget(Settings(**settings))


def assert_valid(history: list[Message]) -> None:
    """Each call has its result in the message after it."""
    for message, following in zip(history, [*history[1:], None], strict=True):
        if message.tool_calls:
            assert following is not None
            results: list[Any] = list(following.parts)
            assert [r.call_id for r in results] == [c.id for c in message.tool_calls]


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        (Bounds(max_turns=3), "3 of 3 model calls"),
        (Bounds(max_calls=2), "2 of 2 tool calls"),
        (Bounds(max_tokens=5), "6 of 5 tokens"),
    ],
)
async def test_a_turn_ends_at_its_bound(bounds: Bounds, text: str) -> None:
    async with running(forever, tools=[look], plugins=[budget(turn=bounds, warn_at=1.0)]) as agent:
        result = await agent.run("go")
        assert (result.status, result.exit_code) == ("limit", 3)
        assert isinstance(result.error, LimitReached)
        assert result.error.what == f"the turn's budget is used up: {text}"
        assert result.error.where == f"budget: turn.{next(n for n in Bounds.__slots__ if getattr(bounds, n))}"
        assert_valid(agent.history)


async def test_a_turn_below_its_bounds_is_left_alone() -> None:
    plugin = budget(turn=Bounds(max_turns=2, max_calls=1, max_tokens=1000, max_seconds=1000), warn_at=1.0)
    async with running([[("look", {})], "It is night."], tools=[look], plugins=[plugin]) as agent:
        assert (await agent.run("go")).unwrap().text == "It is night."
        assert (plugin.spent("turn").turns, plugin.spent("turn").calls) == (2, 1)


async def test_the_next_turn_starts_anew_but_the_session_goes_on() -> None:
    plugin = budget(turn=Bounds(max_turns=1), session=Bounds(max_turns=2))
    async with running(["one", "two", "three"], plugins=[plugin]) as agent:
        assert [(await agent.run("go")).status for _ in range(3)] == ["ok", "ok", "limit"]
        error = (await agent.run("go")).error
        assert error is not None
        assert error.what == "the session's budget is used up: 2 of 2 model calls"


async def test_calls_beyond_the_bound_do_not_run_and_the_others_finish() -> None:
    finished: list[int] = []

    async def work(number: int) -> str:
        await asyncio.sleep(0)
        finished.append(number)
        return f"worked {number}"

    calls = [("work", {"number": number}) for number in range(5)]
    async with running([calls, "never said"], tools=[work], plugins=[budget(turn=Bounds(max_calls=3))]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        assert result.status == "limit"
        assert sorted(finished) == [0, 1, 2]
        assert_valid(agent.history)
        texts = [record.error or record.result for record in result.tool_calls]
        assert texts[:3] == ["worked 0", "worked 1", "worked 2"]
        assert texts[3] == texts[4]
        assert str(texts[3]).startswith("not run: the turn's budget is used up: 3 of 3 tool calls")
        assert [event.by for event in events.of(Refused)] == ["budget", "budget"]


async def test_the_model_may_answer_after_the_last_call_it_may_make() -> None:
    async with running(
        [[("look", {})], "That was it."], tools=[look], plugins=[budget(turn=Bounds(max_calls=1))]
    ) as agent:
        assert (await agent.run("go")).unwrap().text == "That was it."


async def test_a_request_that_another_plugin_repeats_counts_each_time() -> None:
    class Again:
        @hookimpl
        async def kt_around_llm_call(self, request: Request, next: Any) -> Message:
            try:
                return await next(request)  # type: ignore[no-any-return]
            except ModelError:
                return await next(request)  # type: ignore[no-any-return]

    plugin = budget(turn=Bounds(max_turns=5), warn_at=1.0)
    async with running([ModelError("cut"), "one two"], plugins=[Again(), plugin]) as agent:
        await agent.run("go")
        assert plugin.spent("turn").turns == 2
        assert plugin.spent("turn").tokens == 3


async def test_the_model_is_told_once_and_the_history_does_not_keep_it() -> None:
    llm = ScriptedLLM([[("look", {})], [("look", {})], [("look", {})], "end"])
    async with running(llm, tools=[look], plugins=[budget(turn=Bounds(max_turns=4, max_tokens=1000))]) as agent:
        events = EventRecorder(agent)
        (await agent.run("go")).unwrap()
        told = ["[budget]" in r.messages[-1].text for r in llm.requests]
        assert told == [False, False, False, True]
        assert "4 of 4 model calls of this turn" in llm.requests[3].messages[-1].text
        assert not any("[budget]" in message.text for message in agent.history)
        assert [(e.scope, e.what, e.used, e.limit) for e in events.of(BudgetWarning)] == [("turn", "turns", 4, 4)]
        assert all(event.seq for event in events.of(BudgetWarning))


async def test_a_warning_comes_once_for_each_scope_and_kind() -> None:
    llm = ScriptedLLM(lambda request: "fine")
    bounds = Bounds(max_turns=10)
    async with running(llm, plugins=[budget(turn=bounds, session=bounds, warn_at=0.3)]) as agent:
        events = EventRecorder(agent)
        for _ in range(5):
            await agent.run("go")
        assert [(e.scope, e.used) for e in events.of(BudgetWarning)] == [("session", 3)]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("All DONE.", True),
        ("DONE", True),
        ("it is\nDONE\n", True),
        ("UNDONE", False),
        ("DONE_IT", False),
        ("done", False),
        ("task (complete)", True),
    ],
)
async def test_a_stop_word_ends_the_turn_and_its_calls_do_not_run(text: str, ends: bool) -> None:
    from kt import Text

    def reply(request: Request) -> Message:
        return Message("assistant", [Text(text), ToolCall("c1", "look", "{}")], finish="tool_calls")

    llm = ScriptedLLM([reply, "went on"])
    async with running(llm, tools=[look], plugins=[budget(stop_words=["DONE", "(complete)"])]) as agent:
        events = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
        assert result.text == (text if ends else "went on")
        assert len(result.tool_calls) == (0 if ends else 1)
        assert len(events.of(Refused)) == (1 if ends else 0)
        assert_valid(agent.history)


async def test_a_budget_is_one_agents() -> None:
    plugin = budget(turn=Bounds(max_turns=1))
    async with running(["one"], plugins=[plugin]):
        with pytest.raises(UsageError, match="that of agent 'test'"):
            async with running(["one"], plugins=[plugin]):
                pass
