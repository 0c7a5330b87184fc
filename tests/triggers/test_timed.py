"""Timer, cron and at, on a clock that moves when told."""

from typing import Any

import pytest
from kt import Agent, Host
from kt.errors import ConfigError, DataError
from kt.events import Advice, TurnStarted
from kt.testing import EventRecorder, running
from kt_triggers.board import Board
from kt_triggers.events import TriggerFired

from .conftest import NOON, CountingClock, Talk, creature, quiet

pytestmark = pytest.mark.anyio
HOUR = 3600.0


async def test_a_timer_fires_every_so_often(host: Host, clock: CountingClock, talk: Talk) -> None:
    timer = {"name": "timer", "every": "90s", "prompt": "Look."}
    async with running(talk, creature=creature(timer), host=host) as agent:
        recorder = EventRecorder(agent)
        await clock.advance(89)
        assert talk.told == []
        for _ in range(3):
            await clock.advance(90)
            await quiet(agent)
    assert talk.told == ["Look."] * 3
    assert [(e.trigger, e.id, e.missed, e.queued) for e in recorder.of(TriggerFired)] == [
        ("timer", "timer", 0, True)
    ] * 3
    assert [e.source for e in recorder.of(TurnStarted)] == ["trigger:timer"] * 3
    assert [e.message.parts[0].origin for e in recorder.of(TurnStarted) if e.message] == [""] * 3


async def test_a_timer_fires_at_once_and_so_many_times(host: Host, clock: CountingClock, talk: Talk) -> None:
    timer = {"name": "timer", "every": 60, "prompt": "Look.", "immediate": True, "times": 2, "id": "twice"}
    async with running(talk, creature=creature(timer), host=host) as agent:
        await clock.advance(0)
        await quiet(agent)
        assert talk.told == ["Look."]
        await clock.advance(HOUR)
        await quiet(agent)
        assert talk.told == ["Look."] * 2
        assert agent.state["trigger_times"] == {"twice": [NOON + 60, 2]}


async def test_cron_in_a_time_zone(host: Host, clock: CountingClock, talk: Talk) -> None:
    cron = {"name": "cron", "schedule": "0 14 * * *", "prompt": "Two o'clock.", "timezone": "Europe/Berlin"}
    async with running(talk, creature=creature(cron), host=host) as agent:
        await clock.advance(HOUR - 1)
        assert talk.told == []
        await clock.advance(1)
        await quiet(agent)
        assert talk.told == ["Two o'clock."]
        await clock.advance(24 * HOUR)
        await quiet(agent)
        assert len(talk.told) == 2


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2026-01-05T18:00", 6 * HOUR), ("2026-01-05T18:00+02:00", 4 * HOUR), ("18:00", 6 * HOUR),
        ("11:59", 24 * HOUR - 60), (NOON + 5, 5.0), ("2026-01-06", 12 * HOUR),
    ],
)  # fmt: skip
async def test_at_a_time(host: Host, clock: CountingClock, talk: Talk, time: Any, seconds: float) -> None:
    at = {"name": "at", "time": time, "timezone": "UTC", "prompt": "Now."}
    async with running(talk, creature=creature(at), host=host) as agent:
        await clock.advance(seconds - 1)
        assert talk.told == []
        await clock.advance(1)
        await quiet(agent)
        assert talk.told == ["Now."]
        await clock.advance(72 * HOUR)
        assert talk.told == ["Now."]


async def test_a_time_that_is_over_does_nothing(host: Host, clock: CountingClock, talk: Talk) -> None:
    at = {"name": "at", "time": "2020-01-01T00:00", "prompt": "Long ago."}
    agent = await Agent.build(creature(at), llm=talk, host=host)
    recorder = EventRecorder(agent)
    async with agent:
        await clock.advance(HOUR)
    assert talk.told == []
    assert [e.text for e in recorder.of(Advice)] == ["trigger 'at' never fires: its time is over"]


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ({"name": "timer", "every": "5 parsecs", "prompt": "x"}, "every: '5 parsecs' is no duration (trigger 'timer')"),
        ({"name": "timer", "every": 0, "prompt": "x"}, "every: 0"),
        ({"name": "timer", "every": 5, "prompt": "x", "times": 0}, "times: 0 is less than 1"),
        ({"name": "timer", "every": 5}, "the setting 'prompt' is missing (trigger 'timer')"),
        ({"name": "timer", "evry": 5, "prompt": "x"}, "there is no setting 'evry'"),
        ({"name": "timer", "every": 5, "prompt": "x", "id": "a b"}, "'a b' is no id (trigger 'timer' with id 'a b')"),
        ({"name": "timer", "every": 5, "prompt": "x", "missed": "twice"}, "Input should be 'once', 'skip' or 'all'"),
        ({"name": "cron", "schedule": "61 * * * *", "prompt": "x"}, "schedule: minute: '61' is out of range"),
        ({"name": "cron", "schedule": "@daily", "prompt": "x", "timezone": "Mars/Base"}, "timezone: 'Mars/Base'"),
        ({"name": "cron", "schedule": "@daily", "prompt": "x", "timezone": "../passwd"}, "timezone: '../passwd'"),
        ({"name": "at", "time": "tomorrow", "prompt": "x"}, "time: 'tomorrow' is no time"),
        ({"name": "at", "time": 1080, "prompt": "x"}, "time: 1080 is no date"),
        ({"name": "idle", "after": "x", "prompt": "x"}, "after: 'x' is no duration (trigger 'idle')"),
        ({"name": "watch", "paths": ["../x"], "prompt": "x"}, "paths: '../x' is no path below the working folder"),
        ({"name": "webhook", "path": "hook"}, "path: 'hook' is no path"),
        ({"name": "webhook", "token": "short"}, "token: it needs 16 characters"),
        ({"name": "webhook", "token_env": "KT_NO_SUCH"}, "KT_NO_SUCH is not set"),
        ({"name": "webhook", "port": 70000}, "port: 70000 is no port"),
    ],
)  # fmt: skip
async def test_bad_settings_stop_the_start(host: Host, trigger: dict[str, Any], said: str) -> None:
    agent = await Agent.build(creature(trigger), llm=Talk(), host=host)
    with pytest.raises(DataError) as caught:
        await agent.start()
    assert said in str(caught.value)
    assert f"trigger {trigger['name']!r}" in str(caught.value)
    assert not agent.started


async def test_ids_are_distinct(host: Host) -> None:
    timer = {"name": "timer", "every": 60, "prompt": "x"}
    async with running([], creature=creature(timer, timer, {"name": "startup", "prompt": "y"}), host=host) as agent:
        assert [t.id for t in Board.of(host).running(agent)] == ["timer", "timer-2", "startup"]
    assert Board.of(host).running(agent) == []
    agent = await Agent.build(creature({**timer, "id": "a"}, {**timer, "id": "a"}), llm=Talk(), host=host)
    with pytest.raises(ConfigError, match="two triggers have the id 'a'"):
        await agent.start()


async def test_a_busy_agent_gets_one_input_however_often_it_fires(host: Host, clock: CountingClock, talk: Talk) -> None:
    timer = {"name": "timer", "every": 60, "prompt": "Look.", "id": "look"}
    async with running(talk, creature=creature(timer), host=host) as agent:
        recorder = EventRecorder(agent)
        talk.gate.clear()
        agent.send("Work for long.")
        for _ in range(4):
            await clock.advance(60)
        assert len(agent.inbox.items) == 1
        assert agent.state["trigger_times"]["look"] == [NOON, 0]
        talk.gate.set()
        await quiet(agent)
        assert talk.told == ["Work for long.", "Look.\n\n[this came due 3 times more while it waited]"]
        assert agent.state["trigger_times"]["look"] == [NOON + 240, 1]
        await clock.advance(60)
        await quiet(agent)
    assert talk.told[2:] == ["Look."]
    assert [e.queued for e in recorder.of(TriggerFired)] == [True, False, False, False, True]


async def test_a_withdrawn_input_counts_as_taken(host: Host, clock: CountingClock, talk: Talk) -> None:
    timer = {"name": "timer", "every": 60, "prompt": "Look.", "id": "look"}
    async with running(talk, creature=creature(timer), host=host) as agent:
        talk.gate.clear()
        agent.send("Work for long.")
        await clock.advance(60)
        agent.inbox.items[0].withdraw()
        await clock.advance(60)
        talk.gate.set()
        await quiet(agent)
    assert talk.told == ["Work for long.", "Look."]


async def test_a_blocked_loop_misses_runs(host: Host, clock: CountingClock, talk: Talk) -> None:
    cron = {"name": "cron", "schedule": "*/10 * * * *", "prompt": "Look.", "timezone": "UTC"}
    async with running(talk, creature=creature(cron), host=host) as agent:
        recorder = EventRecorder(agent)
        await clock.advance(0)
        clock.block(35 * 60)
        await clock.advance(0)
        await quiet(agent)
        assert talk.told == ["Look.\n\n[3 runs were missed; the last was due 2026-01-05 12:30 UTC]"]
        assert [e.missed for e in recorder.of(TriggerFired)] == [3]
        await clock.advance(5 * 60)
        await quiet(agent)
    assert talk.told[1:] == ["Look."]


async def test_a_timer_goes_on_when_the_clock_is_put_back(host: Host, clock: CountingClock, talk: Talk) -> None:
    timer = {"name": "timer", "every": "10m", "prompt": "Look."}
    async with running(talk, creature=creature(timer), host=host) as agent:
        await clock.advance(610)
        await quiet(agent)
        clock.put(-86_400)
        await clock.advance(1200)
        await quiet(agent)
    assert talk.told == ["Look."] * 2


async def test_a_cron_does_not_come_twice_when_the_clock_is_put_back_by_a_second(
    host: Host, clock: CountingClock, talk: Talk
) -> None:
    cron = {"name": "cron", "schedule": "*/10 * * * *", "prompt": "Look.", "missed": "all"}
    async with running(talk, creature=creature(cron), host=host) as agent:
        talk.gate.clear()
        agent.send("Work for long.")
        await clock.advance(600)
        clock.put(-1)
        talk.gate.set()
        await quiet(agent)
        await clock.advance(60)
        await quiet(agent)
    assert talk.told == ["Work for long.", "Look."]


async def test_a_suspended_machine_is_noticed_within_a_quarter_of_an_hour(
    host: Host, clock: CountingClock, talk: Talk
) -> None:
    cron = {"name": "cron", "schedule": "@daily", "prompt": "A new day.", "timezone": "UTC"}
    async with running(talk, creature=creature(cron), host=host) as agent:
        await clock.advance(10)
        clock.put(20 * HOUR)
        await clock.advance(900)
        await quiet(agent)
    assert talk.told == ["A new day.\n\n[1 run was missed; the last was due 2026-01-06 00:00 UTC]"]


async def test_a_long_wait_is_few_sleeps(host: Host, clock: CountingClock, talk: Talk) -> None:
    cron = {"name": "cron", "schedule": "@daily", "prompt": "A new day.", "timezone": "UTC"}
    async with running(talk, creature=creature(cron), host=host) as agent:
        await clock.advance(12 * HOUR - 1)
        assert clock.sleeps == 12 * 4
        await clock.advance(1)
        await quiet(agent)
    assert talk.told == ["A new day."]
