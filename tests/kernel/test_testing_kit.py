"""The test kit itself: scripts in all their forms, recorders, and time that moves when told."""

import asyncio
from collections.abc import Iterator
from typing import Any

import kt
import pytest
from kt.errors import ModelError
from kt.events import LLMEnded, TextDelta, TurnEnded
from kt.testing import EventRecorder, OutputRecorder, ScriptedLLM, VirtualClock, running

pytestmark = pytest.mark.anyio


def echo(text: str) -> str:
    return text


async def test_a_script_is_consumed_one_step_a_request() -> None:
    taken: list[int] = []

    def endless() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            taken.append(number)
            yield f"answer {number}"

    async with running(endless()) as agent:
        assert taken == []
        assert (await agent.run("a")).text == "answer 1"
        assert taken == [1]
        assert (await agent.run("b")).text == "answer 2"


async def test_a_function_answers_every_request() -> None:
    def answer(request: kt.Request) -> Any:
        last = request.messages[-1]
        return [("echo", {"text": last.text})] if last.role == "user" else "echoed"

    async with running(answer, tools=[echo]) as agent:
        for text in "ab":
            result = (await agent.run(text)).unwrap()
            assert (result.text, result.tool_calls[0].result) == ("echoed", text)


async def test_an_async_function_answers_every_request() -> None:
    async def answer(request: kt.Request) -> str:
        await asyncio.sleep(0)
        return request.messages[-1].text.upper()

    async with running(answer) as agent:
        assert (await agent.run("a")).text == "A"
        assert (await agent.run("b")).text == "B"


async def test_a_step_may_be_a_sync_or_async_function() -> None:
    async def later(request: kt.Request) -> str:
        return f"async {len(request.messages)}"

    async with running([lambda request: f"sync {len(request.messages)}", later, lambda request: later]) as agent:
        assert [(await agent.run("x")).text for _ in range(3)] == ["sync 1", "async 3", "async 5"]


async def test_an_exception_step_is_raised_to_the_kernel() -> None:
    async with running([ValueError("odd"), lambda request: ModelError("even"), "fine"]) as agent:
        results = [await agent.run("x") for _ in range(3)]
    assert [str(r.error) for r in results[:2]] == ["ValueError: odd", "even"]
    assert results[2].text == "fine"


async def test_a_message_step_is_the_reply_as_it_is() -> None:
    message = kt.Message("assistant", [kt.Thinking("hm"), kt.Text("so")], finish="stop", usage=kt.Usage(7, 3))
    async with running([message]) as agent:
        result = (await agent.run("x")).unwrap()
        assert (result.text, result.usage.total) == ("so", 10)
        assert agent.history[-1] is message


async def test_the_end_of_the_script_is_a_model_error_that_counts() -> None:
    async with running(["one"]) as agent:
        (await agent.run("a")).unwrap()
        result = await agent.run("b")
    assert (result.status, str(result.error)) == ("failed", "the script ended after 1 steps")


async def test_text_streams_word_by_word_and_calls_keep_their_exact_text() -> None:
    async with running(["a  b c ", [("echo", '{"text":  "x"}')], "done"], tools=[echo]) as agent:
        recorder = EventRecorder(agent)
        assert (await agent.run("x")).text == "a  b c "
        assert [e.text for e in recorder.of(TextDelta)] == ["a ", " ", "b ", "c "]
        await agent.run("y")
        (call,) = agent.history[3].tool_calls
        assert (call.args_text, call.id) == ('{"text":  "x"}', "call_1")


async def test_an_empty_string_is_an_empty_answer() -> None:
    async with running([""]) as agent:
        result = (await agent.run("x")).unwrap()
    assert (result.text, result.usage.output) == ("", 0)


async def test_usage_counts_words() -> None:
    async with running(["three words here"], creature={"name": "t", "prompt": "be brief"}) as agent:
        usage = (await agent.run("one two three")).usage
    assert (usage.input, usage.output) == (5, 3)


async def test_requests_are_snapshots() -> None:
    llm = ScriptedLLM([[("echo", {"text": "a"})], "done"])
    async with running(llm, tools=[echo], creature={"name": "t", "prompt": "be brief"}) as agent:
        await agent.run("x")
    assert [len(r.messages) for r in llm.requests] == [1, 3]
    assert [r.system for r in llm.requests] == ["be brief"] * 2
    assert [t.name for t in llm.requests[0].tools] == ["echo"]


async def test_the_event_recorder_keeps_events_until_it_is_off() -> None:
    async with running(["one", "two"]) as agent:
        recorder = EventRecorder(agent)
        await agent.run("a")
        assert recorder.kinds == ["turn_started", "llm_started", "text_delta", "llm_ended", "turn_ended"]
        assert [e.result.text for e in recorder.of(TurnEnded)] == ["one"]
        recorder.off()
        await agent.run("b")
        assert len(recorder.of(LLMEnded)) == 1


async def test_the_output_recorder_keeps_what_the_agent_says() -> None:
    output = OutputRecorder()
    async with running([[("echo", {"text": "a"})], "one two", "three"], tools=[echo], outputs=[output]) as agent:
        await agent.run("a")
        await agent.run("b")
    assert (output.texts, output.streamed) == (["one two", "three"], "one twothree")
    assert not agent.bus.listeners(TextDelta)


async def test_virtual_time_moves_only_when_told_and_wakes_sleepers_in_order() -> None:
    clock = VirtualClock(start=100.0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.time()))

    tasks = [asyncio.create_task(sleeper(n, s)) for n, s in [("late", 60), ("early", 10), ("never", 1000)]]
    await clock.advance(9)
    assert (woken, clock.time()) == ([], 109)
    await clock.advance(51)
    assert (woken, clock.time()) == ([("early", 110), ("late", 160)], 160)
    tasks[2].cancel()
    await asyncio.wait(tasks)
    await clock.advance(1000)
    assert len(woken) == 2


async def test_a_sleeper_that_sleeps_again_wakes_within_one_advance() -> None:
    clock = VirtualClock()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await clock.sleep(10)
            ticks.append(clock.time())

    task = asyncio.create_task(tick())
    await clock.advance(35)
    task.cancel()
    assert ticks == [10, 20, 30]


async def test_a_host_carries_the_clock() -> None:
    clock = VirtualClock()
    async with kt.Host(clock=clock) as host, running([], host=host) as agent:
        assert agent.host.clock is clock


async def test_running_takes_any_object_with_a_stream_and_a_creature() -> None:
    llm = ScriptedLLM(["hello"])
    async with running(llm, creature={"name": "other"}) as agent:
        assert (agent.provider, agent.name, agent.started) == (llm, "other", True)
    assert not agent.started
