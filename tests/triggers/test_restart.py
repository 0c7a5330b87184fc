"""A session ends and goes on: what was due meanwhile, and what must not come twice."""

from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host
from kt.testing import EventRecorder, VirtualClock
from kt_triggers.events import TriggerFired, TriggerSkipped

from .conftest import NOON, Talk, creature, pass_time, quiet

pytestmark = pytest.mark.anyio
CRON = {"name": "cron", "id": "tick", "schedule": "*/10 * * * *", "timezone": "UTC", "prompt": "Tick."}
TIMER = {"name": "timer", "id": "tick", "every": "10m", "prompt": "Tick."}


async def first(path: Path, trigger: dict[str, Any], *, until: float) -> Talk:
    """Let a session begin at noon, and end."""
    talk, clock = Talk(), VirtualClock(NOON)
    async with Host(clock=clock) as host:
        made = await Agent.build(creature(trigger), llm=talk, host=host, session=str(path))
        async with made as agent:
            await agent.run("Hello.")
            await clock.advance(until)
            await quiet(agent)
    return talk


async def again(path: Path, at: float, *, advance: float = 0.0) -> tuple[Talk, EventRecorder, dict[str, Any]]:
    """Go on with it so many seconds after noon."""
    talk, clock = Talk(), VirtualClock(NOON + at)
    async with Host(clock=clock) as host:
        async with await Agent.resume(path, llm=talk, host=host) as agent:
            recorder = EventRecorder(agent)
            for _ in range(300):
                await clock.advance(0)
                await quiet(agent)
            await pass_time(agent, advance)
        return talk, recorder, agent.state


@pytest.mark.parametrize("trigger", [CRON, TIMER], ids=["cron", "timer"])
async def test_missed_runs_come_once_and_say_how_many(tmp_path: Path, trigger: dict[str, Any]) -> None:
    path = tmp_path / "a.kt"
    told = (await first(path, trigger, until=1250)).told
    assert told == ["Hello.", "Tick.", "Tick."]
    talk, recorder, state = await again(path, 1200 + 45 * 60, advance=5 * 60)
    assert talk.told == ["Tick.\n\n[4 runs were missed; the last was due 2026-01-05 13:00 UTC]", "Tick."]
    assert [(e.missed, e.id) for e in recorder.of(TriggerFired)] == [(4, "tick"), (0, "tick")]
    assert state["trigger_times"] == {"tick": [NOON + 1200 + 50 * 60, 4]}


async def test_nothing_is_missed_where_nothing_was_due(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await first(path, CRON, until=1250)
    talk, recorder, _ = await again(path, 1300)
    assert talk.told == []
    assert recorder.of(TriggerFired) == []
    talk, recorder, _ = await again(path, 1300, advance=500)
    assert talk.told == ["Tick."]


async def test_a_run_within_the_minute_is_on_time(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await first(path, {**CRON, "missed": "skip"}, until=0)
    talk, recorder, _ = await again(path, 630)
    assert talk.told == ["Tick."]
    assert [e.missed for e in recorder.of(TriggerFired)] == [0]


async def test_skipped_runs_are_only_told(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await first(path, {**CRON, "missed": "skip"}, until=0)
    talk, recorder, _ = await again(path, 25 * 60)
    assert talk.told == []
    assert [(e.trigger, e.id, e.missed) for e in recorder.of(TriggerSkipped)] == [("cron", "tick", 2)]
    talk, recorder, _ = await again(path, 25 * 60, advance=5 * 60)
    assert talk.told == ["Tick."]
    assert recorder.of(TriggerSkipped) == []


async def test_all_runs_are_made_up_for_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await first(path, {**CRON, "missed": "all"}, until=0)
    talk, recorder, _ = await again(path, 35 * 60)
    assert talk.told == [f"Tick.\n\n[1 run was missed; the last was due 2026-01-05 12:{m} UTC]" for m in (10, 20, 30)]
    assert [e.missed for e in recorder.of(TriggerFired)] == [1, 1, 1]


async def test_not_more_than_a_hundred_are_made_up_for(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await first(path, {**CRON, "missed": "all"}, until=0)
    talk, recorder, state = await again(path, 150 * 600 + 300)
    assert len(talk.told) == 100
    assert [e.missed for e in recorder.of(TriggerFired)] == [51] + [1] * 99
    assert state["trigger_times"]["tick"] == [NOON + 150 * 600, 100]


async def test_years_of_seconds_are_not_counted_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await first(path, {**TIMER, "every": 1}, until=0)
    talk, recorder, state = await again(path, 5 * 365 * 86_400)
    assert [e.missed for e in recorder.of(TriggerFired)] == [9_999]
    assert len(talk.told) == 1
    assert state["trigger_times"]["tick"] == [NOON + 5 * 365 * 86_400, 1]


async def test_a_firing_that_no_turn_took_is_missed(tmp_path: Path) -> None:
    path, busy = tmp_path / "a.kt", Talk()

    async def work(agent: Agent, clock: VirtualClock) -> None:
        busy.gate.clear()
        agent.send("Work.")
        await clock.advance(600)
        assert len(agent.inbox.items) == 1

    clock = VirtualClock(NOON)
    async with Host(clock=clock) as host:
        async with await Agent.build(creature(CRON), llm=busy, host=host, session=str(path)) as agent:
            await work(agent, clock)
        assert not agent.has_input
    talk, recorder, _ = await again(path, 700)
    assert talk.told == ["Tick.\n\n[1 run was missed; the last was due 2026-01-05 12:10 UTC]"]
    assert [e.missed for e in recorder.of(TriggerFired)] == [1]


@pytest.mark.parametrize("time", ["2026-01-05T13:00", "13:00"])
async def test_at_happens_once_whenever_the_process_ran(tmp_path: Path, time: str) -> None:
    path, at = tmp_path / "a.kt", {"name": "at", "id": "x", "time": time, "timezone": "UTC", "prompt": "Now."}
    await first(path, at, until=60)
    assert (await again(path, 1800))[0].told == []
    talk, _, _ = await again(path, 90_000)
    assert talk.told == ["Now.\n\n[1 run was missed; the last was due 2026-01-05 13:00 UTC]"]
    assert (await again(path, 200_000, advance=100_000))[0].told == []


async def test_the_times_of_a_timer_are_counted_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await first(path, {**TIMER, "times": 3, "immediate": True}, until=600)
    talk, _, state = await again(path, 1000, advance=10_000)
    assert talk.told == ["Tick."]
    assert state["trigger_times"]["tick"] == [NOON + 1200, 3]
    assert (await again(path, 20_000, advance=10_000))[0].told == []


async def test_without_an_id_nothing_is_known_of_earlier_runs(tmp_path: Path) -> None:
    path, trigger = tmp_path / "a.kt", {k: v for k, v in CRON.items() if k != "id"}
    await first(path, trigger, until=1250)
    talk, _, state = await again(path, 5000, advance=400)
    assert talk.told == ["Tick."]
    assert "trigger_times" not in state


async def test_startup_is_for_a_conversation_that_begins(tmp_path: Path) -> None:
    for name, resumed, told in (("a", False, []), ("b", True, ["Begin."])):
        path, startup = tmp_path / f"{name}.kt", {"name": "startup", "prompt": "Begin.", "on_resume": resumed}
        assert (await first(path, startup, until=0)).told[-1] == "Begin."
        assert (await again(path, 100))[0].told == told


@pytest.mark.parametrize("kept", ["text", {"tick": "x"}, {"tick": [None, 1]}, {"tick": [1.0]}, [1]])
async def test_a_record_that_can_not_be_read_is_none(tmp_path: Path, kept: Any) -> None:
    clock, talk = VirtualClock(NOON), Talk()
    async with Host(clock=clock) as host:
        agent = await Agent.build(creature(CRON), llm=talk, host=host)
        agent.state["trigger_times"] = kept
        async with agent:
            await clock.advance(600)
            await quiet(agent)
    assert talk.told == ["Tick."]
