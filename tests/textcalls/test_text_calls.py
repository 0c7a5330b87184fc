"""Tools work over a model that only writes text."""

import json
from typing import Any

import kt
import pytest
from kt import tool
from kt.events import LLMRestarted, TextDelta
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_textcalls.actions import describe, parse, schema_of
from kt_textcalls.plugin import TextCalls
from kt_textcalls.repeat import RepeatConfig, RepeatGuard

pytestmark = pytest.mark.anyio


@tool(effect="read")
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: the first
    """
    return a + b


def action(**arguments: Any) -> str:
    return json.dumps({"tool": "add", "arguments": arguments})


async def test_actions_become_calls_and_the_history_keeps_them_native() -> None:
    llm = ScriptedLLM([action(a=2, b=3), '{"answer": "It is 5."}'])
    async with running(llm, tools=[add], plugins=[TextCalls()]) as agent:
        result = await agent.run("2+3?")
    assert (result.text, result.tool_calls[0].result) == ("It is 5.", "5")
    assert [m.role for m in agent.history] == ["user", "assistant", "tool", "assistant"]
    assert agent.history[1].tool_calls[0].arguments == {"a": 2, "b": 3}


async def test_the_model_sees_text_only() -> None:
    llm = ScriptedLLM([action(a=2), '{"answer": "3"}'])
    async with running(llm, tools=[add], plugins=[TextCalls()]) as agent:
        await agent.run("2+1?")
    first, second = llm.requests
    assert not first.tools
    assert "- add(a, b?): Add two numbers." in first.system
    assert first.output_schema["anyOf"][0]["properties"]["tool"] == {"const": "add"}
    assert [m.role for m in second.messages] == ["user", "assistant", "user"]
    assert json.loads(second.messages[1].text) == {"tool": "add", "arguments": {"a": 2}}
    assert second.messages[2].text == "Result of add:\n3"


async def test_only_the_answer_is_streamed_and_nothing_restarts() -> None:
    async with running([action(a=1), '{"answer": "two words"}'], tools=[add], plugins=[TextCalls()]) as agent:
        seen = EventRecorder(agent)
        await agent.run("go")
    assert "".join(e.text for e in seen.of(TextDelta)) == "two words"
    assert not seen.of(LLMRestarted)


async def test_a_reply_that_is_no_action_is_the_answer() -> None:
    async with running(["just words"], tools=[add], plugins=[TextCalls()]) as agent:
        assert (await agent.run("go")).text == "just words"


async def test_without_tools_the_request_is_left_alone() -> None:
    llm = ScriptedLLM(["plain"])
    async with running(llm, plugins=[TextCalls()]) as agent:
        assert (await agent.run("go")).text == "plain"
    assert llm.requests[0].output_schema is None


async def test_a_typed_output_is_the_answers_schema() -> None:
    llm = ScriptedLLM([action(a=1, b=1), '{"answer": {"value": 2}}'])
    async with running(llm, tools=[add], plugins=[TextCalls()], output_type=int) as agent:
        result = await agent.run("1+1?")
    assert result.output == 2
    assert llm.requests[0].output_schema["anyOf"][-1]["properties"]["answer"]["type"] == "object"


def test_fences_and_trailing_words_do_not_hide_an_action() -> None:
    fenced = "```json\n" + action(a=1) + "\n```\nThat is my call."
    assert parse(fenced, 7)[0].id == "text_7"  # type: ignore[union-attr]


def test_a_tools_line_is_shorter_than_its_schema() -> None:
    assert len(describe([add])) < len(describe([])) + len(json.dumps(schema_of([add])))


async def test_the_same_call_right_after_itself_is_not_run_again() -> None:
    ran = []

    @tool
    def ping(text: str) -> str:
        """Ping."""
        ran.append(text)
        return "pong"

    same = [("ping", {"text": "x"})]
    async with running([same, same, [("ping", {"text": "y"})], "done"], tools=[ping], plugins=[RepeatGuard()]) as agent:
        result = await agent.run("go")
    assert ran == ["x", "y"]
    assert "very call before" in str(result.tool_calls[1].error)


async def test_calls_in_turns_are_repeats_too_until_something_changes() -> None:
    @tool(effect="read")
    def look(at: str) -> str:
        """Look."""
        return at

    a, b, act = [("look", {"at": "a"})], [("look", {"at": "b"})], [("act", {"on": "a"})]

    @tool
    def act_(on: str) -> str:
        """Act."""
        return on

    acting = kt.Tool(act_.function, name="act")
    async with running([a, b, a, act, a, "done"], tools=[look, acting], plugins=[RepeatGuard()]) as agent:
        result = await agent.run("go")
    assert [bool(c.error) for c in result.tool_calls] == [False, False, True, False, False]


async def test_a_model_that_never_stops_repeating_ends_the_turn() -> None:
    guard = RepeatGuard(RepeatConfig(allowed=1, give_up=2))
    async with running(lambda request: [("add", {"a": 1})], tools=[add], plugins=[guard]) as agent:
        result = await agent.run("go")
    assert result.status == "limit"
    assert result.turns == 4
