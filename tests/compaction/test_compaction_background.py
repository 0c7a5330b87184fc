"""A summary is made while the turns go on, and swapped in between two requests."""

import asyncio
from typing import Any

import pytest
from kt import Message, Text, encode
from kt.errors import ModelError, UsageError
from kt.events import HistoryEdited
from kt.testing import EventRecorder
from kt_compaction.events import CompactionEnded, CompactionFailed, CompactionStarted
from kt_compaction.marks import is_summary

pytestmark = pytest.mark.anyio

LONG = "a long answer " * 20


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def slow(gate: asyncio.Event, text: str = "the notes so far") -> Any:
    async def notes(request: Any) -> str:
        await gate.wait()
        return text

    return notes


async def test_real_usage_starts_a_summary_and_turns_go_on_beside_it(talk: Any, compacting: Any) -> None:
    gate = asyncio.Event()
    llm = talk(say=LONG, notes=slow(gate))
    async with compacting(llm, context_tokens=4000) as agent:
        events = EventRecorder(agent)
        while not events.of(CompactionStarted):
            (await agent.run("go on")).unwrap()
        begun = len(agent.history)
        for _ in range(2):
            assert (await agent.run("go on")).text == LONG
        assert len(agent.history) == begun + 4
        assert not events.of(CompactionEnded)
        gate.set()
        await settle()
        ended = events.of(CompactionEnded)[0]
        assert is_summary(agent.history[0])
        assert "the notes so far" in agent.history[0].text
        started = events.of(CompactionStarted)[0]
        assert started.reason == "usage"
        assert started.tokens == ended.before >= 2800 > 1200 >= ended.after
        assert agent.history[-1].text == LONG
        await agent.run("and now")
        assert llm.requests[-1].messages == agent.history[:-1]
        # Nothing is due again until the context has filled up: caches break once, not at every call.
        assert len(events.of(CompactionStarted)) == 1


async def test_the_swap_of_a_running_turn_is_before_its_next_request(talk: Any, compacting: Any, filled: Any) -> None:
    gate, inside, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait() -> str:
        """Wait."""
        inside.set()
        await go.wait()
        return "waited"

    steps = iter([[("wait", {})], "done"])
    llm = talk(say=lambda request: next(steps), notes=slow(gate))
    async with compacting(llm, context_tokens=3000, tools=[wait]) as agent:
        events = EventRecorder(agent)
        filled(agent)
        turn = asyncio.create_task(agent.run("wait a little"))
        await inside.wait()
        before = list(agent.history)
        gate.set()
        await settle()
        assert all(a is b for a, b in zip(agent.history, before, strict=True))  # no swap while the tool runs
        agent.send("and hurry", steer=True)
        go.set()
        assert (await turn).unwrap().text == "done"
        sent = llm.requests[-1].messages
        assert is_summary(sent[0])
        assert sent[1:] == before[-len(sent[1:-2]) :] + agent.history[-3:-1]
        assert [m.role for m in sent[-4:]] == ["user", "assistant", "tool", "user"]
        edited = events.kinds.index("history_edited")
        assert events.kinds[edited : edited + 2] == ["history_edited", "compaction_ended"]


async def test_the_edit_is_recorded_so_that_a_session_can_repeat_it(talk: Any, compacting: Any, filled: Any) -> None:
    async with compacting(talk()) as agent:
        events = EventRecorder(agent)
        filled(agent)
        copy = list(agent.history)
        await agent.plugin("compaction").compact()
        [edit] = events.of(HistoryEdited)
        copy[edit.start : edit.stop] = edit.messages
        assert edit.by == "compaction"
        assert encode(copy) == encode(agent.history)


async def test_a_history_that_somebody_changed_meanwhile_is_left_alone(talk: Any, compacting: Any, filled: Any) -> None:
    gate = asyncio.Event()
    async with compacting(talk(notes=slow(gate))) as agent:
        events = EventRecorder(agent)
        filled(agent)
        asked = asyncio.create_task(agent.plugin("compaction").compact())
        await settle()
        agent.edit_history(2, 4, [Message("user", [Text("another")])], by="rewind")
        before = encode(agent.history)
        gate.set()
        with pytest.raises(ModelError, match="the history was changed"):
            await asked
        assert encode(agent.history) == before
        assert [e.reason for e in events.of(CompactionFailed)] == ["the history was changed while the summary was made"]


async def test_what_is_added_at_the_end_meanwhile_stays(talk: Any, compacting: Any, filled: Any) -> None:
    gate = asyncio.Event()
    async with compacting(talk(notes=slow(gate))) as agent:
        filled(agent)
        asked = asyncio.create_task(agent.plugin("compaction").compact())
        await settle()
        added = Message("user", [Text("by the way")])
        agent.add(added)
        gate.set()
        await asked
        assert is_summary(agent.history[0])
        assert agent.history[-1] is added


async def test_stopping_the_agent_cancels_a_running_summary(talk: Any, compacting: Any, filled: Any) -> None:
    ended: list[str] = []

    async def notes(request: Any) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return ""

    async with compacting(talk(notes=notes)) as agent:
        events = EventRecorder(agent)
        filled(agent)
        before = encode(agent.history)
        asked = asyncio.create_task(agent.plugin("compaction").compact())
        await settle()
    with pytest.raises(ModelError, match="the agent stopped"):
        await asked
    assert ended == ["cancelled"]
    assert encode(agent.history) == before
    assert [e.reason for e in events.of(CompactionFailed)] == ["the agent stopped"]
    assert events.kinds.index("compaction_failed") < events.kinds.index("agent_stopped")


async def test_an_agent_that_stops_at_once_says_so_as_well(talk: Any, compacting: Any, filled: Any) -> None:
    async with compacting(talk()) as agent:
        events = EventRecorder(agent)
        filled(agent)
        asked = asyncio.create_task(agent.plugin("compaction").compact())
        await asyncio.sleep(0)  # the summary is begun, and its task has not taken a step
    with pytest.raises(ModelError, match="the agent stopped"):
        await asked
    assert [e.reason for e in events.of(CompactionFailed)] == ["the agent stopped"]


async def test_interrupting_a_turn_that_waits_leaves_the_summary_alone(talk: Any, compacting: Any, filled: Any) -> None:
    gate = asyncio.Event()
    async with compacting(talk(notes=slow(gate)), context_tokens=2000) as agent:
        filled(agent)
        turn = asyncio.create_task(agent.run("x"))
        await settle()
        agent.interrupt()
        assert (await turn).status == "cancelled"
        gate.set()
        await settle()
        assert is_summary(agent.history[0])


async def test_focus_is_told_to_the_model_and_replaces_a_summary_without_it(
    talk: Any, compacting: Any, filled: Any
) -> None:
    gate = asyncio.Event()
    llm = talk(notes=slow(gate))
    async with compacting(llm) as agent:
        events = EventRecorder(agent)
        filled(agent)
        compaction = agent.plugin("compaction")
        first = asyncio.create_task(compaction.compact())
        await settle()
        second = asyncio.create_task(compaction.compact("the owl's name"))
        third = asyncio.create_task(compaction.compact())
        await settle()
        gate.set()
        with pytest.raises(ModelError, match="with another focus"):
            await first
        await asyncio.gather(second, third)
        assert "the owl's name" in llm.summaries[1].messages[-1].text
        assert len(events.of(CompactionEnded)) == 1
        assert len(events.of(CompactionStarted)) == 2


async def test_what_can_not_be_asked_for(talk: Any, compacting: Any) -> None:
    async with compacting(talk()) as agent:
        compaction = agent.plugin("compaction")
        with pytest.raises(UsageError, match="nothing to summarise"):
            await compaction.compact()
        async with compacting(talk()) as other:
            with pytest.raises(UsageError, match="is that of agent 'test'"):
                async with compaction.kt_lifespan(other):
                    pass
    with pytest.raises(UsageError, match="needs a running agent"):
        await compaction.compact()


async def test_a_tool_may_ask_for_it(talk: Any, compacting: Any, filled: Any) -> None:
    async def tidy() -> str:
        """Tidy up."""
        await agent.plugin("compaction").compact()
        return "tidy"

    steps = iter([[("tidy", {})], "done"])
    llm = talk(say=lambda request: next(steps))
    async with compacting(llm, tools=[tidy]) as agent:
        filled(agent)
        assert (await agent.run("tidy up")).unwrap().tool_calls[0].result == "tidy"
        assert is_summary(llm.requests[1].messages[0])
