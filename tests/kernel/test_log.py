"""A lasting log: what is recorded, when it must be durable, and what a store that fails stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import kt
import pytest
from kt.errors import StoreError
from kt.events import Logged, QuestionAsked
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio


class Journal:
    """A lasting log that keeps what happened in `acts`: kinds of records, "durable", and what tools did."""

    lasting = True

    def __init__(self, fails: Callable[["Journal"], bool] = lambda journal: False) -> None:
        self.records: list[Logged] = []
        self.acts: list[str] = []
        self._fails = fails

    def append(self, record: Logged) -> int:
        self.records.append(record)
        self.acts.append(record.kind)
        return 100 + len(self.records)

    async def durable(self) -> None:
        await asyncio.sleep(0)
        self.acts.append("durable")
        if self._fails(self):
            raise StoreError("the disk is full", where="/journal")


class Sized(Journal):
    """A log that knows its length, and so is false while it is empty."""

    def __len__(self) -> int:
        return len(self.records)


@asynccontextmanager
async def journalled(log: Journal, steps: Any, **options: Any) -> AsyncIterator[kt.Agent]:
    """Run an agent with the log a build option gives it, as a session plugin would."""
    plugins = kt.Plugins()

    def use(plan: kt.Plan, value: kt.Log) -> None:
        plan.log = value

    plugins.registry.build_option("journal", use)
    async with kt.Host(plugins) as host, running(steps, host=host, journal=log, **options) as agent:
        yield agent


def writer(log: Journal) -> kt.Tool:
    async def write() -> str:
        log.acts.append("EFFECT")
        return "written"

    return kt.Tool(write)


WRITE: Any = [("write", {})]


async def test_records_are_durable_before_the_effect_after_the_result_and_at_the_end() -> None:
    log = Journal()
    async with journalled(log, [WRITE, "done"], tools=[writer(log)]) as agent:
        (await agent.run("go")).unwrap()
    assert log.acts == [
        "agent_started", "turn_started", "durable", "llm_started", "llm_ended",
        "tool_started", "durable", "EFFECT", "tool_ended", "durable",
        "llm_started", "llm_ended", "durable", "turn_ended", "durable", "agent_stopped", "durable",
    ]  # fmt: skip


async def test_events_carry_the_number_their_log_gave_them() -> None:
    log = Journal()
    async with journalled(log, [WRITE, "done"], tools=[writer(log)]) as agent:
        recorder = EventRecorder(agent)
        (await agent.run("go")).unwrap()
        logged = [e for e in recorder.events if isinstance(e, Logged)]
    assert [e.seq for e in logged] == list(range(102, 102 + len(logged)))
    assert logged == log.records[1:-1]
    assert [r.seq for r in log.records] == list(range(101, 101 + len(log.records)))


async def test_a_store_that_fails_before_the_effect_keeps_the_tool_from_running() -> None:
    log = Journal(lambda log: log.acts[-2] == "tool_started")
    llm = ScriptedLLM([WRITE, "never"])
    async with journalled(log, llm, tools=[writer(log)]) as agent:
        result = await agent.run("go")
    assert "EFFECT" not in log.acts
    assert (result.status, result.exit_code, len(llm.requests)) == ("failed", 74, 1)
    assert isinstance(result.error, StoreError)
    assert [m.role for m in agent.history] == ["user", "assistant", "tool"]
    assert result.tool_calls[0].result is None


async def test_a_store_that_fails_in_parallel_calls_fails_the_turn() -> None:
    log = Journal(lambda log: "tool_started" in log.acts and "agent_stopped" not in log.acts)
    async with journalled(log, [WRITE * 2, "never"], tools=[writer(log)]) as agent:
        result = await agent.run("go")
    assert "EFFECT" not in log.acts
    assert (result.status, result.exit_code) == ("failed", 74)


async def test_a_store_that_fails_at_the_start_asks_no_model() -> None:
    log = Journal(lambda log: log.acts[-2] == "turn_started")
    llm = ScriptedLLM(["never"])
    async with journalled(log, llm) as agent:
        result = await agent.run("go")
    assert (result.status, result.exit_code, llm.requests) == ("failed", 74, [])


async def test_a_store_that_fails_after_the_effect_fails_the_turn_before_the_next_model_call() -> None:
    log = Journal(lambda log: log.acts[-2] == "tool_ended")
    llm = ScriptedLLM([WRITE, "never"])
    async with journalled(log, llm, tools=[writer(log)]) as agent:
        result = await agent.run("go")
    assert (log.acts.count("EFFECT"), result.status, result.exit_code, len(llm.requests)) == (1, "failed", 74, 1)


async def test_a_store_that_fails_at_the_end_is_the_turns_failure() -> None:
    log = Journal(lambda log: log.acts[-3:-1] == ["llm_started", "llm_ended"])
    async with journalled(log, ["done", "again"]) as agent:
        result = await agent.run("go")
        assert (result.status, result.exit_code, result.text) == ("failed", 74, "done")
        log._fails = lambda log: False
        assert (await agent.run("once more")).unwrap().text == "again"


async def test_a_turn_cancelled_while_it_waits_for_the_disk_ends_and_leaves_a_usable_agent() -> None:
    waiting, go = asyncio.Event(), asyncio.Event()

    class Slow(Journal):
        async def durable(self) -> None:
            waiting.set()
            await go.wait()

    log = Slow()
    async with journalled(log, ["done", "next"]) as agent:
        for way in ("interrupt", "cancel"):
            waiting.clear()
            task = asyncio.create_task(agent.run("go"))
            await waiting.wait()
            agent.interrupt() if way == "interrupt" else task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            go.set()
            await asyncio.wait([task])
            assert agent.turn is None
            assert not agent.lock.locked()
            go.clear()
        go.set()
        assert (await agent.run("again")).unwrap().text == "done"
    assert log.acts.count("turn_started") == log.acts.count("turn_ended") == 3


async def test_a_stream_closed_before_it_began_runs_no_turn() -> None:
    log = Journal()
    async with journalled(log, ["next"]) as agent:
        recorder = EventRecorder(agent)
        await agent.run_stream("go").aclose()
        assert recorder.events == []
        assert (await agent.run("again")).unwrap().text == "next"


async def test_a_question_is_durable_before_anybody_waits_for_it() -> None:
    log = Journal()

    async def ask(ctx: kt.Context[None]) -> str:
        return str(await ctx.ask("sure?"))

    async with journalled(log, [[("ask", {})], "done"], tools=[ask]) as agent:
        agent.questions.wait = True
        waiting = await agent.run("go")
        at = log.acts.index("question_asked")
        assert log.acts[at + 1] == "durable"
        await agent.answer(waiting.pending[0].id, "yes")
    assert [r.text for r in log.records if isinstance(r, QuestionAsked)] == ["sure?"]


async def test_deltas_are_not_logged() -> None:
    log = Journal()
    async with journalled(log, ["one two three"]) as agent:
        await agent.run("go")
    assert "text_delta" not in log.acts


async def test_a_log_that_is_empty_is_still_the_log() -> None:
    log = Sized()
    async with journalled(log, ["done"]) as agent:
        assert agent.log is log


async def test_an_agent_without_a_store_counts_its_records() -> None:
    async with running(["done"]) as agent:
        assert isinstance(agent.log, kt.Log)
        recorder = EventRecorder(agent)
        await agent.run("go")
        kept = [e for e in recorder.events if isinstance(e, kt.events.Logged)]
    assert [e.kind for e in kept[:4]] == ["turn_started", "llm_started", "llm_ended", "turn_ended"]
    assert [e.seq for e in kept[:4]] == [2, 3, 4, 5]
