"""run_stream: the turn's events and only these; leaving it cancels the turn."""

import asyncio
import gc
from typing import Any

import kt
import pytest
from kt.errors import ModelError, UsageError
from kt.events import Event, InputQueued, TextDelta, ToolEnded, TurnEnded, TurnStarted
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio


def echo(text: str) -> str:
    return text


def results(events: list[Event]) -> list[str]:
    return [str(e.result.status) for e in events if isinstance(e, TurnEnded)]


async def hang() -> None:
    await asyncio.Event().wait()


HANG: Any = [("hang", {})]


async def first_tool(stream: Any) -> None:
    async for event in stream:
        if event.kind == "tool_started":
            return


async def turn_over(agent: kt.Agent) -> None:
    """Wait until no turn runs."""
    async with agent.lock:
        assert agent.turn is None


async def test_the_stream_yields_the_turns_events_in_order_and_ends_with_turn_ended() -> None:
    async with running([[("echo", {"text": "a"})], "two words"], tools=[echo]) as agent:
        recorder = EventRecorder(agent)
        events = [event async for event in agent.run_stream("go")]
        assert events == recorder.events
    assert [e.kind for e in events] == [
        "turn_started", "llm_started", "tool_call_delta", "llm_ended", "tool_started", "tool_ended",
        "llm_started", "text_delta", "text_delta", "llm_ended", "turn_ended",
    ]  # fmt: skip
    last = events[-1]
    assert isinstance(last, TurnEnded)
    assert last.result.unwrap().text == "two words"
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "two words"


async def test_deltas_carry_their_message_and_index() -> None:
    async with running([[("echo", {"text": "a"})], "one two"], tools=[echo]) as agent:
        deltas = [e async for e in agent.run_stream("go") if isinstance(e, TextDelta)]
    assert [(e.text, e.message, e.index) for e in deltas] == [("one ", 2, 1), ("two", 2, 2)]


async def test_events_of_the_turn_before_are_not_in_the_stream() -> None:
    async with running(ScriptedLLM(["A a", "B b"], delay=0.001)) as agent:
        first = asyncio.create_task(agent.run("one"))
        await asyncio.sleep(0)
        events = [event async for event in agent.run_stream("two")]
        await first
    assert [e.turn for e in events if isinstance(e, TurnStarted | TurnEnded)] == [2, 2]
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "B b"


async def test_events_of_the_turn_after_are_not_in_the_stream() -> None:
    async with running(["A", "B"]) as agent:
        stream = agent.run_stream("one")
        first = await anext(stream)
        assert (await agent.run("two")).text == "B"
        events = [first, *[event async for event in stream]]
    assert [e.turn for e in events if isinstance(e, TurnStarted | TurnEnded)] == [1, 1]
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "A"


async def test_a_read_of_a_stream_that_ended_stays_at_its_end() -> None:
    async with running(["done"]) as agent:
        stream = agent.run_stream("go")
        assert [e async for e in stream]
        assert [e async for e in stream] == []


async def test_break_cancels_the_turn_and_releases_the_agent() -> None:
    async with running(ScriptedLLM(["one two three", "next"], delay=0.001)) as agent:
        recorder = EventRecorder(agent)
        async for event in agent.run_stream("go"):
            if isinstance(event, TextDelta):
                break
        assert (await agent.run("again", timeout=10)).unwrap().text == "next"
        assert results(recorder.events) == ["cancelled", "ok"]


async def test_losing_the_stream_cancels_the_turn() -> None:
    async with running([HANG, "next"], tools=[hang]) as agent:
        recorder = EventRecorder(agent)
        stream = agent.run_stream("go")
        await first_tool(stream)
        del stream
        gc.collect()
        assert (await agent.run("again", timeout=10)).unwrap().text == "next"
        assert results(recorder.events) == ["cancelled", "ok"]


async def test_losing_the_stream_before_its_first_event_cancels_the_turn() -> None:
    llm = ScriptedLLM(["next"])
    async with running(llm) as agent:
        agent.run_stream("go")
        gc.collect()
        assert (await agent.run("again", timeout=10)).unwrap().text == "next"
    assert len(llm.requests) == 1


async def test_losing_a_stream_that_ended_does_no_harm() -> None:
    async with running(["one", [("hang", {})]], tools=[hang]) as agent:
        stream = agent.run_stream("go")
        assert [e async for e in stream]
        task = asyncio.create_task(agent.run("again"))
        for _ in range(5):
            await asyncio.sleep(0)
        del stream
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        agent.interrupt()
        await task


async def test_aclose_cancels_the_turn_and_waits_for_its_end() -> None:
    async with running([HANG, "next"], tools=[hang]) as agent:
        recorder = EventRecorder(agent)
        stream = agent.run_stream("go")
        await first_tool(stream)
        await stream.aclose()
        assert (agent.turn, results(recorder.events)) == (None, ["cancelled"])
        await stream.aclose()
        assert (await agent.run("again")).unwrap().text == "next"


async def test_aclose_before_the_first_event_asks_no_model() -> None:
    llm = ScriptedLLM(["next"])
    async with running(llm) as agent:
        await agent.run_stream("go").aclose()
        assert llm.requests == []
        assert (await agent.run("again")).unwrap().text == "next"


async def test_interrupt_ends_the_stream_with_its_result() -> None:
    async with running([HANG], tools=[hang]) as agent:
        events = []
        async for event in agent.run_stream("go"):
            events.append(event)
            if event.kind == "tool_started":
                agent.interrupt()
    assert results(events) == ["cancelled"]
    assert isinstance(events[-2], ToolEnded)


async def test_cancelling_the_readers_task_cancels_the_turn() -> None:
    started = asyncio.Event()
    async with running([HANG, "next"], tools=[hang]) as agent:

        async def read() -> None:
            async for event in agent.run_stream("go"):
                if event.kind == "tool_started":
                    started.set()

        reader = asyncio.create_task(read())
        await started.wait()
        reader.cancel()
        await asyncio.wait([reader])
        del reader
        gc.collect()
        assert (await agent.run("again", timeout=10)).unwrap().text == "next"


async def test_streams_of_two_agents_do_not_mix() -> None:
    async def read(agent: kt.Agent) -> tuple[str, list[str]]:
        events = [event async for event in agent.run_stream("go")]
        return "".join(e.text for e in events if isinstance(e, TextDelta)), results(events)

    async with (
        running(ScriptedLLM(["a a a"], delay=0.001)) as one,
        running(ScriptedLLM(["b b b"], delay=0.001)) as two,
    ):
        assert [*await asyncio.gather(read(one), read(two))] == [("a a a", ["ok"]), ("b b b", ["ok"])]


async def test_an_error_ends_the_stream_with_a_failed_result() -> None:
    async with running([OSError("no route")]) as agent:
        events = [event async for event in agent.run_stream("go")]
    last = events[-1]
    assert isinstance(last, TurnEnded)
    assert (last.result.status, type(last.result.error)) == ("failed", ModelError)


async def test_timeout_ends_the_stream_with_its_result() -> None:
    async with running([HANG], tools=[hang]) as agent:
        events = [event async for event in agent.run_stream("go", timeout=0.02)]
    assert results(events) == ["timeout"]


async def test_limits_hold_in_a_stream() -> None:
    async with running([[("echo", {"text": "a"})]] * 3, tools=[echo]) as agent:
        events = [event async for event in agent.run_stream("go", limits=kt.Limits(max_turns=2))]
    assert results(events) == ["limit"]


@pytest.mark.parametrize("way", ["timeout", "stop"])
async def test_a_stream_that_never_got_its_turn_still_ends_with_turn_ended(way: str) -> None:
    async with running([HANG, "never"], tools=[hang]) as agent:
        recorder = EventRecorder(agent)
        first = agent.run_stream("one")
        await first_tool(first)
        second = agent.run_stream("two", timeout=0.01 if way == "timeout" else None)
        await asyncio.sleep(0)
        if way == "stop":
            await agent.stop()
        events = [event async for event in second]
        assert results(events) == ["timeout" if way == "timeout" else "cancelled"]
        assert all(e.turn == 2 for e in events if isinstance(e, TurnEnded))
        assert [e.turn for e in recorder.of(TurnEnded)].count(2) == 1


async def test_a_stream_of_an_agent_that_is_not_running_raises_at_once() -> None:
    agent = await kt.Agent.build({"name": "idle"}, llm=ScriptedLLM())
    with pytest.raises(UsageError, match="not running"):
        agent.run_stream("go")


async def test_a_bus_stream_yields_the_kinds_asked_for_and_counts_what_overflows() -> None:
    async with running(["one two three"]) as agent:
        async with agent.bus.stream(TextDelta, TurnEnded, buffer=2) as stream:
            await agent.run("go")
            assert [(await anext(stream)).kind for _ in range(2)] == ["text_delta", "text_delta"]
            assert stream.dropped == 2
        assert [e async for e in stream] == []


async def test_a_listener_that_raises_is_reported_and_the_others_still_hear() -> None:
    heard: list[str] = []

    def bad(event: Event) -> None:
        raise ValueError("listener")

    async with running(["one"]) as agent:
        recorder = EventRecorder(agent)
        agent.bus.on(TextDelta, bad)
        agent.bus.on(TextDelta, lambda event: heard.append(event.text))
        (await agent.run("go")).unwrap()
    (failed,) = [e for e in recorder.events if isinstance(e, kt.events.PluginFailed)]
    assert "bad" in failed.plugin
    assert failed.error == "ValueError: listener"
    assert heard == ["one"]


async def test_input_queued_while_streaming_is_an_event_surfaces_see() -> None:
    async with running([HANG], tools=[hang]) as agent:
        recorder = EventRecorder(agent)
        stream = agent.run_stream("go")
        await first_tool(stream)
        agent.send("more").withdraw()
        await stream.aclose()
    assert [e.withdrawn for e in recorder.of(InputQueued)] == [False, True]
