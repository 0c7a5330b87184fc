"""Input that waits: queued for its own turn, steering the running one, edited or withdrawn until taken."""

import asyncio
from typing import Any

import kt
import pytest
from kt.errors import UsageError
from kt.events import InputAccepted, InputQueued, TurnEnded, TurnStarted
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio


class Gate:
    """A tool that holds its turn until it is opened."""

    def __init__(self) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    @property
    def tool(self) -> kt.Tool:
        async def gate() -> str:
            self.reached.set()
            await self.open.wait()
            return "open"

        return kt.Tool(gate)


GATE: Any = [("gate", {})]


class Turns:
    """The results of an agent's turns from now on."""

    def __init__(self, agent: kt.Agent) -> None:
        self.results: list[kt.TurnResult] = []
        self._changed = asyncio.Event()
        agent.bus.on(TurnEnded, self._heard)

    def _heard(self, event: TurnEnded) -> None:
        self.results.append(event.result)
        self._changed.set()

    async def first(self, count: int) -> list[kt.TurnResult]:
        """Wait until `count` turns have ended."""
        while len(self.results) < count:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 10)
        return self.results


def said(agent: kt.Agent) -> list[tuple[str, str]]:
    return [(m.role, m.text) for m in agent.history if m.role != "tool" and m.text]


async def test_input_is_served_in_order_when_the_agent_is_idle() -> None:
    async with running(["A", "B", "C"]) as agent:
        turns = Turns(agent)
        recorder = EventRecorder(agent)
        for text in "abc":
            agent.send(text, source=f"from {text}")
        results = await turns.first(3)
        assert [r.text for r in results] == ["A", "B", "C"]
        assert [e.source for e in recorder.of(TurnStarted)] == ["from a", "from b", "from c"]
        assert said(agent) == [
            ("user", "a"), ("assistant", "A"), ("user", "b"), ("assistant", "B"), ("user", "c"), ("assistant", "C"),
        ]  # fmt: skip


async def test_input_sent_during_a_run_is_served_after_it() -> None:
    gate = Gate()
    async with running([GATE, "first", "second"], tools=[gate.tool]) as agent:
        turns = Turns(agent)
        task = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        pending = agent.send("two")
        gate.open.set()
        assert (await task).text == "first"
        result = (await turns.first(2))[-1]
        assert (result.text, pending.taken) == ("second", True)


async def test_input_is_served_after_a_turn_that_was_interrupted() -> None:
    gate = Gate()
    async with running([GATE, "second"], tools=[gate.tool]) as agent:
        turns = Turns(agent)
        task = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        agent.send("two")
        agent.interrupt()
        assert (await task).status == "cancelled"
        assert (await turns.first(2))[-1].text == "second"


async def test_a_run_that_waits_goes_before_queued_input_or_after_it_but_both_are_served() -> None:
    gate = Gate()
    async with running([GATE, "A", "B", "C"], tools=[gate.tool]) as agent:
        turns = Turns(agent)
        first = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        second = asyncio.create_task(agent.run("two"))
        await asyncio.sleep(0)
        agent.send("three")
        gate.open.set()
        results = await turns.first(3)
        assert [r.text for r in results] == ["A", "B", "C"]
        assert sorted(text for role, text in said(agent) if role == "user") == ["one", "three", "two"]
        assert (await first).ok
        assert (await second).ok


async def test_steering_joins_before_the_next_model_call() -> None:
    gate = Gate()
    llm = ScriptedLLM([GATE, "answer"])
    async with running(llm, tools=[gate.tool]) as agent:
        recorder = EventRecorder(agent)
        task = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        pending = agent.send("rather this", steer=True, source="chat")
        gate.open.set()
        assert (await task).text == "answer"
        assert [m.role for m in llm.requests[1].messages] == ["user", "assistant", "tool", "user"]
        assert llm.requests[1].messages[-1].text == "rather this"
        assert [(e.message.text, e.source) for e in recorder.of(InputAccepted)] == [("rather this", "chat")]
        assert (pending.taken, len(recorder.of(TurnStarted))) == (True, 1)


async def test_steering_during_the_last_reply_makes_the_turn_go_on() -> None:
    llm = ScriptedLLM(["too early", "with it"])
    async with running(llm) as agent:
        off = agent.bus.on(kt.events.TextDelta, lambda event: (off(), agent.send("wait", steer=True)))
        result = (await agent.run("go")).unwrap()
        assert (result.text, result.turns) == ("with it", 2)
        assert said(agent) == [("user", "go"), ("assistant", "too early"), ("user", "wait"), ("assistant", "with it")]


async def test_steering_an_idle_agent_starts_a_turn() -> None:
    async with running(["served"]) as agent:
        turns = Turns(agent)
        agent.send("hello", steer=True)
        assert (await turns.first(1))[-1].text == "served"


async def test_steering_that_came_too_late_gets_a_turn_of_its_own() -> None:
    gate = Gate()
    async with running([GATE, "served"], tools=[gate.tool]) as agent:
        turns = Turns(agent)
        task = asyncio.create_task(agent.run("one", limits=kt.Limits(max_turns=1)))
        await gate.reached.wait()
        pending = agent.send("late", steer=True)
        gate.open.set()
        assert (await task).status == "limit"
        assert "late" not in [m.text for m in agent.history] or len(turns.results) == 2
        assert (await turns.first(2))[1].text == "served"
        assert pending.taken


async def test_waiting_input_can_be_edited_and_withdrawn_until_it_is_taken() -> None:
    gate = Gate()
    async with running([GATE, "first", "second"], tools=[gate.tool]) as agent:
        turns = Turns(agent)
        recorder = EventRecorder(agent)
        task = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        kept, gone = agent.send("draft"), agent.send("mistake")
        kept.edit("final")
        gone.withdraw()
        gate.open.set()
        await task
        await turns.first(2)
        assert [text for role, text in said(agent) if role == "user"] == ["one", "final"]
        queued = [(e.id, e.text, e.withdrawn) for e in recorder.of(InputQueued)]
        assert queued == [
            (kept.id, "draft", False),
            (gone.id, "mistake", False),
            (kept.id, "final", False),
            (gone.id, "mistake", True),
        ]  # fmt: skip
        for pending in (kept, gone):
            with pytest.raises(UsageError, match="can't be edited"):
                pending.edit("x")
            with pytest.raises(UsageError, match="can't be withdrawn"):
                pending.withdraw()


async def test_steering_can_be_withdrawn_before_the_next_model_call() -> None:
    gate = Gate()
    llm = ScriptedLLM([GATE, "answer"])
    async with running(llm, tools=[gate.tool]) as agent:
        task = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        agent.send("no", steer=True).withdraw()
        gate.open.set()
        await task
    assert llm.requests[1].messages[-1].role == "tool"


async def test_input_taints_the_conversation_with_its_origin_once_it_is_taken() -> None:
    gate = Gate()
    async with running([GATE, "first", "second"], tools=[gate.tool]) as agent:
        turns = Turns(agent)
        task = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        pending = agent.send("from the web", origin="web")
        assert (pending.message.parts[0].origin, agent.taint) == ("web", frozenset())
        gate.open.set()
        await task
        await turns.first(2)
        assert agent.taint == {"web"}


async def test_two_runs_at_once_run_one_after_the_other() -> None:
    async with running(ScriptedLLM(["A a", "B b"], delay=0.001)) as agent:
        recorder = EventRecorder(agent)
        first, second = await asyncio.gather(agent.run("one"), agent.run("two"))
        assert (first.text, second.text) == ("A a", "B b")
        assert [(e.kind, e.turn) for e in recorder.events if isinstance(e, TurnStarted | TurnEnded)] == [
            ("turn_started", 1), ("turn_ended", 1), ("turn_started", 2), ("turn_ended", 2)
        ]  # fmt: skip


async def test_a_failing_turn_does_not_stop_the_queue() -> None:
    async with running([OSError("down"), "up"]) as agent:
        turns = Turns(agent)
        agent.send("one")
        agent.send("two")
        assert [r.status for r in await turns.first(2)] == ["failed", "ok"]


async def test_input_that_waits_when_the_agent_stops_is_served_by_the_next_life() -> None:
    gate = Gate()
    async with running([GATE, "served"], tools=[gate.tool]) as agent:
        turns = Turns(agent)
        task = asyncio.create_task(agent.run("one"))
        await gate.reached.wait()
        pending = agent.send("later")
        await agent.stop()
        assert ((await task).status, pending.taken) == ("cancelled", False)
        await agent.start()
        agent.wake()
        assert (await turns.first(2))[-1].text == "served"


async def test_sending_to_an_agent_that_is_not_running_is_a_usage_error() -> None:
    agent = await kt.Agent.build({"name": "idle"}, llm=ScriptedLLM())
    with pytest.raises(UsageError, match="'idle' is not running"):
        agent.send("hello")
