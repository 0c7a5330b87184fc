"""Interrupting, cancelling, timing out: what runs stops, the history closes, the agent goes on."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import kt
import pytest
from kt.errors import TurnCancelled, TurnTimeout
from kt.events import LLMEnded, TextDelta, ToolEnded, TurnEnded, TurnStarted
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio


class Hang:
    """A tool that says when it started and how it ended, and waits to be cancelled."""

    def __init__(self) -> None:
        self.started, self.cancelled = asyncio.Event(), asyncio.Event()

    @property
    def tool(self) -> kt.Tool:
        async def hang() -> str:
            self.started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return "never"

        return kt.Tool(hang)


HANG: Any = [("hang", {})]


def closed(agent: kt.Agent) -> bool:
    """Tell whether every call has its result."""
    calls = [c.id for m in agent.history for c in m.tool_calls]
    results = [p.call_id for m in agent.history for p in m.parts if isinstance(p, kt.ToolResult)]
    return calls == results


async def test_interrupt_from_another_task_ends_the_turn_as_cancelled() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        recorder = EventRecorder(agent)
        task = asyncio.create_task(agent.run("go"))
        await hang.started.wait()
        assert agent.interrupt()
        result = await task
        assert (result.status, result.exit_code, hang.cancelled.is_set()) == ("cancelled", 130, True)
        assert isinstance(result.error, TurnCancelled)
        assert closed(agent)
        assert len(recorder.of(ToolEnded)) == len(recorder.of(TurnEnded)) == 1
        assert recorder.of(TurnEnded)[0].result is result
        assert not agent.interrupt()
        assert (await agent.run("again")).unwrap().text == "next"


async def test_a_call_that_ended_keeps_its_result_when_its_neighbour_is_cancelled() -> None:
    hang = Hang()

    async def quick() -> str:
        return "quick"

    async with running([[("quick", {}), ("hang", {})]], tools=[quick, hang.tool]) as agent:
        task = asyncio.create_task(agent.run("go"))
        await hang.started.wait()
        agent.interrupt()
        result = await task
    assert [(r.result, r.error is None) for r in result.tool_calls] == [("quick", True), (None, False)]
    assert next(p.text for p in agent.history[-1].parts if isinstance(p, kt.ToolResult)) == "quick"
    assert closed(agent)


async def test_interrupt_from_a_delta_listener_in_the_turns_own_task() -> None:
    async with running(ScriptedLLM(["one two three", "next"], delay=0.001)) as agent:
        off = agent.bus.on(TextDelta, lambda event: agent.interrupt())
        result = await agent.run("go")
        assert (result.status, result.text) == ("cancelled", "one ")
        assert (agent.history[-1].text, agent.history[-1].finish) == ("one ", "aborted")
        off()
        assert (await agent.run("again")).unwrap().text == "next"


async def test_interrupt_before_the_first_model_call_asks_no_model() -> None:
    llm = ScriptedLLM(["never"])
    async with running(llm) as agent:
        agent.bus.on(TurnStarted, lambda event: agent.interrupt())
        assert (await agent.run("go")).status == "cancelled"
    assert llm.requests == []


async def test_no_tool_starts_after_an_interrupt_in_the_turns_own_task() -> None:
    ran: list[str] = []

    @kt.tool
    def write() -> None:
        ran.append("write")

    async with running([[("write", {})], "never"], tools=[write]) as agent:
        agent.bus.on(LLMEnded, lambda event: agent.interrupt())
        result = await agent.run("go")
        assert result.status == "cancelled"
        assert closed(agent)
    assert ran == []


async def test_a_second_interrupt_changes_nothing() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        task = asyncio.create_task(agent.run("go"))
        await hang.started.wait()
        agent.interrupt()
        agent.interrupt()
        assert (await task).status == "cancelled"
        assert task.cancelling() == 0
        assert (await agent.run("again")).text == "next"


async def test_cancelling_the_callers_task_passes_on_and_leaves_a_usable_agent() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        recorder = EventRecorder(agent)
        task = asyncio.create_task(agent.run("go"))
        await hang.started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (task.cancelled(), hang.cancelled.is_set(), closed(agent)) == (True, True, True)
        assert [e.result.status for e in recorder.of(TurnEnded)] == ["cancelled"]
        assert agent.turn is None
        assert (await agent.run("again")).unwrap().text == "next"


async def test_cancel_from_outside_wins_over_an_interrupt_at_the_same_time() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        task = asyncio.create_task(agent.run("go"))
        await hang.started.wait()
        agent.interrupt()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed(agent)
        assert (await agent.run("again")).unwrap().text == "next"


async def test_asyncio_timeout_around_a_run_works() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await agent.run("go")
        assert closed(agent)
        assert (await agent.run("again")).unwrap().text == "next"


async def test_cancelling_a_run_that_waits_for_its_turn_leaves_the_running_one_alone() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        first = asyncio.create_task(agent.run("one"))
        await hang.started.wait()
        second = asyncio.create_task(agent.run("two"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        assert (second.cancelled(), first.done(), hang.cancelled.is_set()) == (True, False, False)
        agent.interrupt()
        assert (await first).status == "cancelled"
        assert [m.text for m in agent.history if m.role == "user"] == ["one"]


async def test_timeout_has_its_status_error_and_duration() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        result = await agent.run("go", timeout=0.02)
        assert (result.status, result.exit_code) == ("timeout", 124)
        assert isinstance(result.error, TurnTimeout)
        assert "0.02" in str(result.error)
        assert result.duration >= 0.02
        assert closed(agent)
        assert (await agent.run("again", timeout=60)).unwrap().text == "next"


async def test_timeout_counts_the_wait_for_the_running_turn() -> None:
    hang = Hang()
    async with running([HANG, "next"], tools=[hang.tool]) as agent:
        first = asyncio.create_task(agent.run("one"))
        await hang.started.wait()
        second = await agent.run("two", timeout=0.01)
        assert (second.status, second.turns, first.done()) == ("timeout", 0, False)
        agent.interrupt()
        await first
        assert [m.text for m in agent.history if m.role == "user"] == ["one"]


async def test_a_timer_of_a_turn_that_ended_does_not_reach_the_next() -> None:
    async def wait() -> str:
        await asyncio.sleep(0.03)
        return "waited"

    async with running(["quick", [("wait", {})], "done"], tools=[wait]) as agent:
        (await agent.run("one", timeout=0.02)).unwrap()
        assert (await agent.run("two")).unwrap().text == "done"


async def test_cancelling_the_outer_agent_cancels_the_inner_one() -> None:
    hang = Hang()
    async with running([HANG, "inner next"], tools=[hang.tool]) as inner:

        async def delegate() -> str:
            return (await inner.run("do it")).text

        async with running([[("delegate", {})], "outer next"], tools=[delegate]) as outer:
            recorder = EventRecorder(inner)
            task = asyncio.create_task(outer.run("go"))
            await hang.started.wait()
            outer.interrupt()
            assert (await task).status == "cancelled"
            assert hang.cancelled.is_set()
            assert [e.result.status for e in recorder.of(TurnEnded)] == ["cancelled"]
            assert closed(inner)
            assert closed(outer)
            assert (await outer.run("again")).text == "outer next"
            assert (await inner.run("again")).text == "inner next"


@pytest.mark.parametrize("way", ["timeout", "interrupt"])
async def test_the_end_of_the_inner_turn_does_not_harm_the_outer_one(way: str) -> None:
    hang = Hang()
    async with running([HANG], tools=[hang.tool]) as inner:

        async def delegate() -> str:
            if way == "timeout":
                return str((await inner.run("do it", timeout=0.01)).status)
            asyncio.get_running_loop().create_task(interrupt_inner())
            return str((await inner.run("do it")).status)

        async def interrupt_inner() -> None:
            await hang.started.wait()
            inner.interrupt()

        async with running([[("delegate", {})], "outer done"], tools=[delegate]) as outer:
            result = (await outer.run("go")).unwrap()
    assert result.tool_calls[0].result == {"timeout": "timeout", "interrupt": "cancelled"}[way]
    assert result.text == "outer done"


async def test_both_timeouts_at_once_end_both_turns() -> None:
    hang = Hang()
    async with running([HANG], tools=[hang.tool]) as inner:

        async def delegate() -> str:
            return str((await inner.run("do it", timeout=0.02)).status)

        async with running([[("delegate", {})], "done"], tools=[delegate]) as outer:
            assert (await outer.run("go", timeout=0.02)).status in ("timeout", "ok")
            assert outer.turn is None
            assert inner.turn is None


async def test_a_blocking_tool_is_abandoned_by_an_interrupt() -> None:
    started, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    @kt.tool(blocking=True)
    def block() -> str:
        loop.call_soon_threadsafe(started.set)
        release.wait(10)
        return "late"

    async with running([[("block", {})], "next"], tools=[block]) as agent:
        task = asyncio.create_task(agent.run("go"))
        await started.wait()
        agent.interrupt()
        result = await task
        release.set()
        assert (result.status, result.tool_calls[0].result) == ("cancelled", None)
        assert closed(agent)
        assert (await agent.run("again")).unwrap().text == "next"


async def test_a_tool_that_swallows_the_cancellation_does_not_keep_the_turn() -> None:
    started = asyncio.Event()

    async def stubborn() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "went on"
        return "never"

    llm = ScriptedLLM([[("stubborn", {})], "never", "next"])
    async with running(llm, tools=[stubborn]) as agent:
        task = asyncio.create_task(agent.run("go"))
        await started.wait()
        agent.interrupt()
        result = await task
        assert (result.status, len(llm.requests)) == ("cancelled", 1)
        assert task.cancelling() == 0
        assert closed(agent)


async def test_200_random_cancellations_leave_no_tasks_and_a_usable_agent() -> None:
    chance = random.Random(7)

    async def nap() -> str:
        for _ in range(3):
            await asyncio.sleep(0)
        return "rested"

    @kt.tool(effect="read")
    async def peek() -> str:
        return await nap()

    class LLM:
        """Answer every second request with calls, letting the loop run between the deltas."""

        calls = 0

        async def stream(self, request: kt.Request) -> AsyncIterator[Any]:
            self.calls += 1
            await asyncio.sleep(0)
            yield "well "
            if request.messages[-1].role == "tool":
                yield kt.Message("assistant", [kt.Text("well ")], finish="stop")
                return
            calls = [kt.ToolCall(f"c{self.calls}.{n}", name, "{}") for n, name in enumerate(["peek", "nap", "peek"])]
            for call in calls:
                yield call
                await asyncio.sleep(0)
            yield kt.Message("assistant", [kt.Text("well "), *calls], finish="tool_calls")

    before = asyncio.all_tasks()
    async with running(LLM(), tools=[nap, peek]) as agent:
        statuses = set()
        for number in range(200):
            task = asyncio.create_task(agent.run(str(number)))
            for _ in range(chance.randrange(30)):
                await asyncio.sleep(0)
            agent.interrupt() if chance.random() < 0.5 else task.cancel()
            await asyncio.wait([task])
            statuses.add("raised" if task.cancelled() else str(task.result().status))
            assert agent.turn is None
            assert closed(agent)
        assert statuses == {"raised", "cancelled", "ok"}
        for _ in range(5):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert (await agent.run("last")).unwrap().text == "well "
    assert asyncio.all_tasks() == before


async def test_stop_ends_the_running_turn_and_those_that_wait() -> None:
    hang = Hang()
    async with running([HANG, "never"], tools=[hang.tool]) as agent:
        recorder = EventRecorder(agent)
        first = asyncio.create_task(agent.run("one"))
        await hang.started.wait()
        second = asyncio.create_task(agent.run("two"))
        await asyncio.sleep(0)
        await agent.stop()
        assert [(await first).status, (await second).status] == ["cancelled", "cancelled"]
        assert (hang.cancelled.is_set(), closed(agent), agent.started) == (True, True, False)
        assert recorder.kinds[-1] == "agent_stopped"
        assert [m.text for m in agent.history if m.role == "user"] == ["one"]


async def test_stop_leaves_no_tasks() -> None:
    hang = Hang()
    before = asyncio.all_tasks()
    async with running([HANG], tools=[hang.tool]) as agent:
        agent.send("go")
        await hang.started.wait()
    assert asyncio.all_tasks() == before


async def test_an_agent_that_stopped_starts_again_with_its_history() -> None:
    async with running(["one", "two"]) as agent:
        await agent.run("a")
        await agent.stop()
        await agent.stop()
        await agent.start()
        assert (await agent.run("b")).unwrap().text == "two"
    assert [m.text for m in agent.history] == ["a", "one", "b", "two"]


async def test_a_tool_may_stop_its_own_agent() -> None:
    left: list[str] = []

    @asynccontextmanager
    async def output(agent: kt.Agent) -> AsyncIterator[None]:
        yield
        left.append(agent.name)

    async def leave(ctx: kt.Context[None]) -> None:
        await ctx.agent.stop()

    async with running([[("leave", {})], "never"], tools=[leave], outputs=[output]) as agent:
        result = await agent.run("go", timeout=10)
        assert (result.status, closed(agent)) == ("cancelled", True)
    assert left == ["test"]


async def test_a_stop_that_is_cancelled_can_be_done_again() -> None:
    left: list[str] = []
    started, release = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def output(agent: kt.Agent) -> AsyncIterator[None]:
        yield
        left.append(agent.name)

    async def stubborn() -> None:
        started.set()
        try:
            await release.wait()
        finally:
            await release.wait()

    async with running([[("stubborn", {})]], tools=[stubborn], outputs=[output]) as agent:
        task = asyncio.create_task(agent.run("go"))
        await started.wait()
        stop = asyncio.create_task(agent.stop())
        await asyncio.sleep(0)
        stop.cancel()
        await asyncio.wait([stop])
        release.set()
        await task
        await agent.stop()
        assert left == ["test"]


async def test_an_interrupt_while_a_turn_is_held_open_for_a_job_ends_it() -> None:
    async with running(["started it", "next"]) as agent:
        agent.bus.on(LLMEnded, lambda event: agent.turn and agent.turn.id == 1 and agent.turn.hold())
        task = asyncio.create_task(agent.run("go"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        agent.interrupt()
        assert (await task).status == "cancelled"
        assert (await agent.run("again")).unwrap().text == "next"


async def test_a_turn_waits_for_what_it_holds() -> None:
    holds: list[asyncio.Future[None]] = []

    def started(event: LLMEnded) -> None:
        if agent.turn is not None:
            holds.append(agent.turn.hold())

    async with running(["started it"]) as agent:
        agent.bus.on(LLMEnded, started)
        task = asyncio.create_task(agent.run("go"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        holds[0].set_result(None)
        assert (await task).unwrap().text == "started it"
