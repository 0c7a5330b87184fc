"""The loop: calls, their order and their errors, limits, and a history that is valid after any end."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import kt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt.errors import ArgumentsError, LimitReached, ModelError, ProviderDown, TruncatedStream, TurnTimeout
from kt.events import TextDelta, ToolEnded, ToolStarted
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio


class Stream:
    """A provider whose replies are async generator functions, one a request."""

    model = "stream"

    def __init__(self, *replies: Callable[[kt.Request], AsyncIterator[Any]]) -> None:
        self._replies = list(replies)

    def stream(self, request: kt.Request) -> AsyncIterator[Any]:
        return self._replies.pop(0)(request)


async def done(request: kt.Request) -> AsyncIterator[Any]:
    yield "done"
    yield kt.Message("assistant", [kt.Text("done")], finish="stop")


def reply(*calls: kt.ToolCall) -> kt.Message:
    return kt.Message("assistant", list(calls), finish="tool_calls")


def check_history(history: list[kt.Message]) -> None:
    """Every call of an assistant message has exactly one result, in call order, in the next message."""
    for position, message in enumerate(history):
        if message.role == "assistant" and (calls := message.tool_calls):
            following = history[position + 1]
            assert following.role == "tool"
            results = [part for part in following.parts if isinstance(part, kt.ToolResult)]
            assert len(results) == len(following.parts)
            assert [result.call_id for result in results] == [call.id for call in calls]
            assert len({call.id for call in calls}) == len(calls)
        elif message.role == "tool":
            assert history[position - 1].tool_calls


def echo(text: str) -> str:
    return text


async def test_parallel_calls_overlap_and_results_keep_call_order() -> None:
    second_ended = asyncio.Event()

    async def first() -> str:
        await second_ended.wait()
        return "one"

    async def second() -> str:
        second_ended.set()
        return "two"

    async with running([[("first", {}), ("second", {})], "done"], tools=[first, second]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go", timeout=10)).unwrap()
    assert [e.call.name for e in recorder.of(ToolEnded)] == ["second", "first"]
    assert [r.result for r in result.tool_calls] == ["one", "two"]
    assert [p.text for p in agent.history[2].parts if isinstance(p, kt.ToolResult)] == ["one", "two"]


async def test_blocking_tools_overlap_each_other() -> None:
    barrier = threading.Barrier(2, timeout=10)

    @kt.tool(blocking=True)
    def meet() -> str:
        return str(barrier.wait() in (0, 1))

    async with running([[("meet", {}), ("meet", {})], "done"], tools=[meet]) as agent:
        result = await agent.run("go", timeout=10)
    assert [r.result for r in result.tool_calls] == ["True", "True"]


async def test_a_tool_that_is_not_parallel_runs_alone_and_in_its_place() -> None:
    at_work: set[str] = set()
    seen: list[tuple[str, set[str]]] = []

    async def work(name: str) -> None:
        at_work.add(name)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append((name, set(at_work)))
        at_work.discard(name)

    @kt.tool(parallel=False)
    async def alone() -> None:
        await work("alone")

    async def shared(name: str) -> None:
        await work(name)

    calls = [("shared", {"name": "a"}), ("shared", {"name": "b"}), ("alone", {}), ("shared", {"name": "c"})]
    async with running([calls, "done"], tools=[alone, shared]) as agent:
        (await agent.run("go")).unwrap()
    assert seen == [("a", {"a", "b"}), ("b", {"b"}), ("alone", {"alone"}), ("c", {"c"})]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("echo", "{broken"), "invalid arguments"),
        (("echo", "[1]"), "must be a JSON object"),
        (("echo", '"text"'), "must be a JSON object"),
        (("echo", "null"), "must be a JSON object"),
        (("echo", '{"text": NaN}'), "invalid arguments"),
        (("echo", {"text": {"a": 1}}), "text"),
        (("echo", {}), "text"),
        (("echo", {"text": "a", "more": 1}), "more"),
        (("ecko", {"text": "a"}), "did you mean echo?"),
        (("", {"text": "a"}), "there is no tool"),
    ],
)
async def test_an_invalid_call_is_an_error_result_the_model_reads(call: tuple[str, Any], words: str) -> None:
    llm = ScriptedLLM([[call], "done"])
    async with running(llm, tools=[echo]) as agent:
        result = (await agent.run("go")).unwrap()
    (record,) = result.tool_calls
    assert record.result is None
    assert words in str(record.error)
    answer = llm.requests[1].messages[-1].parts[0]
    assert isinstance(answer, kt.ToolResult)
    assert answer.is_error
    assert answer.text == record.error


async def test_empty_argument_text_means_no_arguments() -> None:
    async with running([[("now", "")], "done"], tools=[kt.tool(name="now")(lambda: "noon")]) as agent:
        assert (await agent.run("go")).unwrap().tool_calls[0].result == "noon"


async def test_the_third_invalid_call_in_a_row_ends_the_turn() -> None:
    bad = [("echo", "{")]
    llm = ScriptedLLM([bad, bad, bad, "never"])
    async with running(llm, tools=[echo]) as agent:
        result = await agent.run("go")
    assert (result.status, result.exit_code, len(result.tool_calls)) == ("failed", 1, 3)
    assert isinstance(result.error, ArgumentsError)
    check_history(agent.history)


async def test_three_invalid_calls_of_one_reply_end_the_turn_with_every_result_in_place() -> None:
    calls = [("echo", {"text": "fine"}), ("echo", "{"), ("nope", {}), ("echo", "[]")]
    async with running([calls, "never"], tools=[echo]) as agent:
        result = await agent.run("go")
    assert isinstance(result.error, ArgumentsError)
    assert [r.result for r in result.tool_calls] == ["fine", None, None, None]
    check_history(agent.history)
    assert next(p.text for p in agent.history[-1].parts if isinstance(p, kt.ToolResult)) == "fine"


async def test_a_valid_call_forgives_the_invalid_ones_before_it() -> None:
    bad, good = [("echo", "{")], [("echo", {"text": "a"})]
    async with running([bad, bad, good, bad, bad, good, "done"], tools=[echo]) as agent:
        assert (await agent.run("go")).unwrap().text == "done"


async def test_what_a_tool_raises_is_an_error_result() -> None:
    def broken() -> str:
        raise LookupError("no such shelf")

    async def refused() -> str:
        raise kt.KTError("shut", where="door", hint="ring")

    async def vetoed() -> str:
        raise kt.Vetoed("not you")

    names = ["broken", "refused", "vetoed"]
    async with running([[(n, {}) for n in names], "done"], tools=[broken, refused, vetoed]) as agent:
        result = (await agent.run("go")).unwrap()
    assert [r.error for r in result.tool_calls] == [
        "LookupError: no such shelf",
        "shut (door) (ring)",
        "denied: not you",
    ]
    check_history(agent.history)


@dataclass
class Report:
    passed: bool = False
    notes: tuple[str, ...] = ()


async def test_a_dataclass_a_tool_returns_is_json_with_every_field() -> None:
    def check() -> Report:
        return Report(passed=False, notes=("a",))

    async with running([[("check", {})], "done"], tools=[check]) as agent:
        result = (await agent.run("go")).unwrap()
    assert json.loads(str(result.tool_calls[0].result)) == {"passed": False, "notes": ["a"]}


async def cancelled_inside() -> str:
    task = asyncio.ensure_future(asyncio.sleep(3600))
    task.cancel()
    await task
    return "never"


async def test_a_cancellation_a_tool_lets_out_is_an_error_result() -> None:
    async with running([[("cancelled_inside", {})], "done"], tools=[cancelled_inside]) as agent:
        ended = await asyncio.gather(agent.run("go"), return_exceptions=True)
    (result,) = ended
    assert isinstance(result, kt.TurnResult)
    assert (result.text, bool(result.tool_calls[0].error)) == ("done", True)


async def test_a_cancellation_a_parallel_tool_lets_out_leaves_a_valid_history() -> None:
    async def fine() -> str:
        await asyncio.sleep(0)
        return "fine"

    calls: Any = [("cancelled_inside", {}), ("fine", {})]
    async with running([calls, "done"], tools=[cancelled_inside, fine]) as agent:
        await asyncio.gather(agent.run("go"), return_exceptions=True)
    check_history(agent.history)


async def test_max_turns_bounds_the_model_calls() -> None:
    async with running([[("echo", {"text": "a"})]] * 5, tools=[echo]) as agent:
        result = await agent.run("go", limits=kt.Limits(max_turns=2))
    assert (result.status, result.turns, result.exit_code) == ("limit", 2, 3)
    assert isinstance(result.error, LimitReached)
    check_history(agent.history)


async def test_max_tokens_bounds_what_is_used() -> None:
    async with running([[("echo", {"text": "a"})]] * 9, tools=[echo]) as agent:
        result = await agent.run("one two three", limits=kt.Limits(max_tokens=10))
    assert result.status == "limit"
    assert result.usage.total >= 10
    assert result.turns < 9
    check_history(agent.history)


async def test_the_creatures_limits_hold_unless_the_run_brings_its_own() -> None:
    creature = {"name": "bound", "limits": {"max_turns": 1}}
    step = [("echo", {"text": "a"})]
    async with running([step, step, "done"], tools=[echo], creature=creature) as agent:
        assert (await agent.run("go")).status == "limit"
        assert (await agent.run("go", limits=kt.Limits(max_turns=5))).text == "done"


async def test_time_limit_ends_the_turn() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async with running([[("forever", {})], "done"], tools=[forever]) as agent:
        result = await agent.run("go", limits=kt.Limits(time_limit=0.01))
        assert (result.status, result.exit_code) == ("timeout", 124)
        assert isinstance(result.error, TurnTimeout)
        check_history(agent.history)
        assert (await agent.run("again", limits=kt.Limits(time_limit=60))).text == "done"


async def test_a_reply_cut_at_the_models_limit_is_status_limit_with_its_text() -> None:
    async with running([kt.Message("assistant", [kt.Text("half a")], finish="length")]) as agent:
        result = await agent.run("go")
    assert (result.status, result.text, result.exit_code) == ("limit", "half a", 3)


async def test_a_refusal_is_a_model_error_with_the_models_words() -> None:
    async with running([kt.Message("assistant", [kt.Text("I will not")], finish="refusal")]) as agent:
        result = await agent.run("go")
    assert (result.status, type(result.error)) == ("failed", ModelError)
    assert "I will not" in str(result.error)


async def test_a_refusal_part_is_shown_in_the_error() -> None:
    async with running([kt.Message("assistant", [kt.Refusal("against policy")], finish="refusal")]) as agent:
        result = await agent.run("go")
    assert "against policy" in str(result.error)


async def test_a_reply_without_its_end_mark_is_truncated_and_its_draft_is_kept() -> None:
    async def cut(request: kt.Request) -> AsyncIterator[Any]:
        yield "half "
        yield "an answer"

    async with running(Stream(cut, done)) as agent:
        result = await agent.run("go")
        assert (result.status, result.text) == ("failed", "half an answer")
        assert isinstance(result.error, TruncatedStream)
        assert (agent.history[-1].text, agent.history[-1].finish) == ("half an answer", "aborted")
        assert (await agent.run("again")).unwrap().text == "done"


async def test_an_exception_of_the_provider_is_a_model_error() -> None:
    async with running([OSError("no route"), ProviderDown("quota"), "done"]) as agent:
        first, second, third = await agent.run("a"), await agent.run("b"), await agent.run("c")
    assert type(first.error) is ModelError
    assert str(first.error) == "OSError: no route"
    assert isinstance(first.error.__cause__, OSError)
    assert (type(second.error), second.exit_code) == (ProviderDown, 69)
    assert third.text == "done"


async def test_the_stream_of_a_failing_reply_is_closed() -> None:
    closed = asyncio.Event()

    async def streaming(request: kt.Request) -> AsyncIterator[Any]:
        try:
            yield "a"
            yield "b"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with running(Stream(streaming)) as agent:
        agent.bus.on(TextDelta, lambda event: agent.interrupt())
        assert (await agent.run("go", timeout=10)).status == "cancelled"
        assert closed.is_set()


async def test_duplicate_and_empty_call_ids_become_distinct() -> None:
    calls = [kt.ToolCall(id, "echo", f'{{"text": "{n}"}}') for n, id in enumerate(["x", "x", "", ""])]
    again = kt.ToolCall("x", "echo", '{"text": "later"}')
    async with running([reply(*calls), reply(again), "done"], tools=[echo]) as agent:
        result = (await agent.run("go")).unwrap()
    assert [r.result for r in result.tool_calls] == ["0", "1", "2", "3", "later"]
    assert len({r.id for r in result.tool_calls}) == 5
    assert result.tool_calls[0].id == "x"
    check_history(agent.history)


async def test_argument_text_stays_byte_exact_in_the_history() -> None:
    text = '{ "text" :\t"é\\u0041" }'
    async with running([[("echo", text)], "done"], tools=[echo]) as agent:
        result = (await agent.run("go")).unwrap()
    assert agent.history[1].tool_calls[0].args_text == text
    assert result.tool_calls[0].result == "éA"


async def test_each_call_is_started_and_ended_once_in_the_events() -> None:
    async with running(
        [[("echo", {"text": "a"}), ("echo", "{"), ("echo", {"text": "b"})], "done"], tools=[echo]
    ) as agent:
        recorder = EventRecorder(agent)
        (await agent.run("go")).unwrap()
    assert [e.call.arguments for e in recorder.of(ToolStarted)] == [{"text": "a"}, {"text": "b"}]
    assert [e.result.text for e in recorder.of(ToolEnded)] == ["a", "b"]


# A history is valid whatever happened.


def raising() -> str:
    raise RuntimeError("broken")


async def slow() -> str:
    await asyncio.sleep(0)
    return "slow"


@kt.tool(parallel=False, effect="read")
async def alone() -> str:
    await asyncio.sleep(0)
    return "alone"


@kt.tool(effect="read")
async def early() -> str:
    await asyncio.sleep(0)
    return "early"


TOOLS = [echo, raising, slow, alone, early]
CALL = st.sampled_from(
    [
        ("echo", {"text": "a"}),
        ("echo", {}),
        ("echo", "{"),
        ("echo", "[1]"),
        ("raising", {}),
        ("slow", {}),
        ("alone", {}),
        ("early", {}),
        ("early", {"x": 1}),
        ("unknown", {}),
    ]
)
STEP = st.one_of(
    st.sampled_from(["", "text", "two words"]),
    st.lists(CALL, max_size=4),
    st.builds(ProviderDown, st.just("down")),
    st.builds(ValueError, st.just("odd")),
    st.sampled_from(["length", "refusal"]).map(lambda f: kt.Message("assistant", [kt.Text("cut")], finish=f)),
    st.lists(st.sampled_from(["x", "y", ""]), min_size=1, max_size=3).map(
        lambda ids: reply(*[kt.ToolCall(id, "slow", "{}") for id in ids])
    ),
)
LIMITS = st.builds(kt.Limits, st.none() | st.integers(0, 3), st.none() | st.integers(0, 40))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(STEP, max_size=4), min_size=1, max_size=3), LIMITS)
def test_the_history_is_valid_after_every_end_of_random_scripts(scripts: list[list[Any]], limits: kt.Limits) -> None:
    async def main() -> None:
        llm = ScriptedLLM([step for script in scripts for step in script])
        async with running(llm, tools=TOOLS) as agent:
            for script in scripts:
                result = await agent.run(str(len(script)), limits=limits)
                check_history(agent.history)
                assert (result.error is None) == result.ok
                assert result.status in ("ok", "failed", "limit")
                assert agent.turn is None
                assert all((r.result is None) != (r.error is None) for r in result.tool_calls)
            for request in llm.requests:
                check_history(list(request.messages))

    asyncio.run(main())
