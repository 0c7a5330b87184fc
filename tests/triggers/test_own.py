"""The triggers that an agent sets itself: set, listed and deleted by tools, kept with the session."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host
from kt.errors import PluginError
from kt.events import Advice, TurnStarted
from kt.testing import EventRecorder, ScriptedLLM, VirtualClock, running
from kt_triggers.events import TriggerFired, WebhookOpened

from .conftest import NOON, CountingClock, Talk, creature, pass_time, quiet
from .test_watch import looks

pytestmark = pytest.mark.anyio
TOOLS = ["set_trigger", "list_triggers", "delete_trigger"]
CRON = {"id": "tick", "kind": "cron", "schedule": "*/10 * * * *", "timezone": "UTC", "prompt": "Tick."}


def own(*triggers: Any, **settings: Any) -> dict[str, Any]:
    return creature(*triggers, tools=TOOLS, plugins={"triggers": settings or None})


async def call(agent: Agent, tool: str, **arguments: Any) -> str:
    """Let the model call a tool; return its result."""
    agent.provider = ScriptedLLM([[(tool, arguments)], "Done."])
    result = await agent.run("Go on.")
    record = result.tool_calls[0]
    return record.error or str(record.result)


async def test_an_agent_sets_lists_and_deletes_one(host: Host, clock: CountingClock) -> None:
    user = {"name": "timer", "id": "daily", "every": "1d", "prompt": "A day is over."}
    async with running([], creature=own(user), host=host) as agent:
        recorder = EventRecorder(agent)
        await clock.advance(0)
        assert await call(agent, "set_trigger", **CRON) == (
            "set: tick: cron, schedule=*/10 * * * *, timezone=UTC; yours: 'Tick.'"
        )
        await clock.advance(0)
        assert await call(agent, "list_triggers") == (
            "daily: timer, every=1d; next 2026-01-06 12:00 UTC; your user's: 'A day is over.'\n"
            "tick: cron, schedule=*/10 * * * *, timezone=UTC; next 2026-01-05 12:10 UTC; yours: 'Tick.'"
        )
        agent.provider = talk = Talk()
        await clock.advance(600)
        await quiet(agent)
        assert talk.told == ["Tick."]
        assert recorder.of(TurnStarted)[-1].source == "trigger:tick"
        assert recorder.of(TriggerFired)[-1].id == "tick"
        assert await call(agent, "delete_trigger", id="tick") == "deleted: tick"
        agent.provider = talk
        await clock.advance(3600)
        await quiet(agent)
        assert talk.told == ["Tick."]
        assert agent.state["triggers"] == {}
        assert list(agent.state["trigger_times"]) == ["daily"]


async def test_the_same_id_replaces(host: Host, clock: CountingClock, talk: Talk) -> None:
    async with running([], creature=own(), host=host) as agent:
        await call(agent, "set_trigger", **CRON)
        await call(agent, "set_trigger", id="tick", kind="timer", every="1h", prompt="Tock.")
        agent.provider = talk
        await clock.advance(3600)
        await quiet(agent)
    assert talk.told == ["Tock."]
    assert agent.state["triggers"]["tick"]["kind"] == "timer"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "webhook", "path": "/x"}, "a trigger 'webhook' here (it may set timer, cron, at, idle, watch)"),
        ({"kind": "timer", "every": "1s"}, "timer: 1s is too short here (at least 10s)"),
        ({"kind": "idle", "after": "5s"}, "idle: 5s is too short"),
        ({"kind": "at", "time": "2026-01-05T12:00:03", "timezone": "UTC"}, "at: 3s is too short"),
        ({"kind": "at", "time": "2020-01-01T00:00"}, "at: no time is too short"),
        ({"kind": "timer"}, "the setting 'every' is missing"),
        ({"kind": "timer", "every": "1h", "schedule": "@daily"}, "there is no setting 'schedule'"),
        ({"kind": "cron", "schedule": "never"}, "has not five fields"),
        ({"kind": "watch", "paths": ["../.."]}, "no path below the working folder"),
        ({"kind": "timer", "every": "1h", "id": "daily"}, "'daily' is a trigger of the user's"),
        ({"kind": "timer", "every": "1h", "id": ""}, "needs a name"),
        ({"kind": "timer", "every": "1h", "id": "a b"}, "is no id"),
    ],
)  # fmt: skip
async def test_what_it_may_not_set(host: Host, arguments: dict[str, Any], said: str) -> None:
    user = {"name": "timer", "id": "daily", "every": "1d", "prompt": "A day is over."}
    async with running([], creature=own(user), host=host) as agent:
        assert said in await call(agent, "set_trigger", **{"id": "x", "prompt": "p", **arguments})
        assert "triggers" not in agent.state
        assert "x:" not in await call(agent, "list_triggers")


async def test_the_settings_bound_how_many_and_how_often(host: Host) -> None:
    async with running([], creature=own(max=2, min_seconds=120), host=host) as agent:
        assert "1m is too short here (at least 2m)" in await call(
            agent, "set_trigger", **{**CRON, "schedule": "* * * * *"}
        )
        assert "too short" in await call(agent, "set_trigger", **{**CRON, "schedule": "0,1 9 * * *"})
        for id in ("a", "b", "b"):
            assert "set: " in await call(agent, "set_trigger", **{**CRON, "id": id})
        assert "there are 2 triggers already" in await call(agent, "set_trigger", **{**CRON, "id": "c"})
        assert "you set no trigger 'aa' (did you mean a?)" in await call(agent, "delete_trigger", id="aa")
        await call(agent, "delete_trigger", id="a")
        assert "set: " in await call(agent, "set_trigger", **{**CRON, "id": "c"})


@pytest.mark.parametrize("settings", [{"allow": ["shell"]}, {"max": 0}, {"min_seconds": 0}, {"often": 1}])
async def test_bad_settings_of_the_plugin(host: Host, settings: dict[str, Any]) -> None:
    with pytest.raises(PluginError):
        await Agent.build(own(**settings), llm=Talk(), host=host)


async def test_a_watch_of_its_own_looks_no_more_often_than_allowed(
    host: Host, clock: CountingClock, talk: Talk, tmp_path: Path
) -> None:
    async with running([], creature=own(), host=host, pwd=tmp_path) as agent:
        said = await call(agent, "set_trigger", id="w", kind="watch", paths=["*.md"], prompt="Read:")
        assert "interval=10.0" in said
        agent.provider = talk
        await looks(clock, 2)
        (tmp_path / "a.md").write_text("1")
        while not talk.told:
            await clock.advance(1)
        await quiet(agent)
    assert talk.told == ["Read:\n\ncreated a.md"]


async def test_a_webhook_only_where_it_is_granted(host: Host) -> None:
    async with running([], creature=own(allow=["webhook"]), host=host) as agent:
        recorder = EventRecorder(agent)
        assert "set: hook: webhook" in await call(
            agent, "set_trigger", id="hook", kind="webhook", path="/x", prompt="p"
        )
        (opened,) = recorder.of(WebhookOpened)
        assert opened.url.startswith("http://127.0.0.1:")
        assert agent.state["webhooks"]["own:hook"]["token"] == opened.token
        assert opened.token not in await call(agent, "list_triggers")
        assert "may not set a trigger 'timer'" in await call(agent, "set_trigger", **{**CRON, "kind": "timer"})


async def test_what_a_tainted_agent_tells_itself_stays_tainted(host: Host, clock: CountingClock, talk: Talk) -> None:
    async with running([], creature=own(), host=host) as agent:
        agent.taint = frozenset({"web", "file"})
        await call(agent, "set_trigger", **CRON)
        agent.provider = talk
        await clock.advance(600)
        await quiet(agent)
        assert [p.origin for m in agent.history if m.text == "Tick." for p in m.parts] == ["file web"]


async def test_without_the_plugin_the_tools_say_what_to_enable(host: Host) -> None:
    user = {"name": "idle", "after": "1h", "prompt": "Well?"}
    async with running([], creature=creature(user, tools=TOOLS), host=host) as agent:
        assert "the plugin 'triggers' is not enabled for this agent (plugins: [triggers])" in await call(
            agent, "set_trigger", **CRON
        )
        assert "idle: idle, after=1h" in await call(agent, "list_triggers")


def test_the_tools_reach_nothing() -> None:
    from kt import Plugins

    registry = Plugins().registry
    tools = [registry.get("tool", name) for name in TOOLS]
    assert [tool.effect for tool in tools] == ["idempotent", "read", "idempotent"]
    assert {tool.needs.reads for tool in tools} == {()}


# With a session


async def begin(path: Path, *calls: dict[str, Any], advance: float = 0.0) -> list[str]:
    """Let a session begin at noon, in which the agent sets triggers; return what it was told."""
    clock, talk = VirtualClock(NOON), Talk()
    async with Host(clock=clock) as host:
        agent = await Agent.build(own(), llm=ScriptedLLM([]), host=host, session=str(path))
        async with agent:
            for arguments in calls:
                assert "set: " in await call(agent, "set_trigger", **arguments)
            agent.provider = talk
            await clock.advance(advance)
            await quiet(agent)
    return talk.told


async def go_on(path: Path, at: float, advance: float = 0.0, **options: Any) -> tuple[list[str], EventRecorder, Agent]:
    """Resume so many seconds after noon; return what the agent was told."""
    clock, talk = VirtualClock(NOON + at), Talk()
    async with Host(clock=clock) as host:
        agent = await Agent.resume(path, llm=talk, host=host, **options)
        async with agent:
            recorder = EventRecorder(agent)
            await pass_time(agent, advance)
    return talk.told, recorder, agent


@pytest.mark.parametrize(
    ("missed", "told"),
    [
        (None, ["Tick.\n\n[2 runs were missed; the last was due 2026-01-05 12:20 UTC]", "Tick."]),
        ("skip", ["Tick."]),
        ("all", [*(f"Tick.\n\n[1 run was missed; the last was due 2026-01-05 12:{m} UTC]" for m in (10, 20)), "Tick."]),
    ],
)
async def test_it_outlives_a_restart(tmp_path: Path, missed: str | None, told: list[str]) -> None:
    path = tmp_path / "a.kt"
    assert await begin(path, {**CRON, **({"missed": missed} if missed else {})}) == []
    assert (await go_on(path, 1500, advance=400))[0] == told
    assert (await go_on(path, 1950))[0] == []


async def test_every_kind_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    kinds = [
        CRON,
        {"id": "timer", "kind": "timer", "every": "15m", "prompt": "Timer."},
        {"id": "at", "kind": "at", "time": "12:30", "timezone": "UTC", "prompt": "At."},
        {"id": "idle", "kind": "idle", "after": "2h", "prompt": "Idle."},
        {"id": "watch", "kind": "watch", "paths": ["*.none"], "prompt": "Watch."},
    ]
    assert await begin(path, *kinds, advance=650) == ["Tick."]
    told, _, agent = await go_on(path, 660, advance=1200)
    assert sorted(told) == ["At.", "Tick.", "Tick.", "Timer.", "Timer."]
    assert list(agent.state["triggers"]) == ["tick", "timer", "idle", "watch"]
    assert sorted(agent.state["trigger_times"]) == ["own:tick", "own:timer"]


async def test_one_that_came_to_its_end_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    twice = {"id": "twice", "kind": "timer", "every": "1m", "times": 2, "prompt": "Tick."}
    assert await begin(path, twice, {**CRON, "id": "c"}, advance=60) == ["Tick."]
    told, _, agent = await go_on(path, 65, advance=300)
    assert told == ["Tick."]
    assert list(agent.state["triggers"]) == ["c"]


async def test_one_that_sets_itself_again_in_its_own_turn_stays(host: Host, clock: CountingClock) -> None:
    def again(at: str) -> list[tuple[str, dict[str, Any]]]:
        return [("set_trigger", {"id": "x", "kind": "at", "time": at, "timezone": "UTC", "prompt": f"It is {at}."})]

    llm = ScriptedLLM([again("12:10"), "Set.", again("12:20"), "Again.", "Done."])
    async with running(llm, creature=own(), host=host) as agent:
        await agent.run("Go.")
        for _ in range(3):
            await pass_time(agent, 600)
    said = [m.text for m in agent.history if m.role == "user"]
    assert said == ["Go.", "It is 12:10.", "It is 12:20."]
    assert agent.state["triggers"] == {}


async def test_one_that_is_replaced_while_it_ends_stays(host: Host, clock: CountingClock, talk: Talk) -> None:
    async with running([], creature=own(), host=host) as agent:
        await call(agent, "set_trigger", id="x", kind="at", time="12:10", timezone="UTC", prompt="One.")
        agent.provider = talk
        talk.gate.clear()
        agent.send("Work.")
        await clock.advance(600)
        setting: list[asyncio.Task[Any]] = []
        later = {"time": "12:20", "timezone": "UTC", "prompt": "Two."}
        plugin = agent.plugin("triggers")
        agent.bus.on(TurnStarted, lambda e: setting.append(asyncio.create_task(plugin.set("at", "x", later))))
        talk.gate.set()
        await quiet(agent)
        await setting[0]
        await pass_time(agent, 0)
        assert agent.state["triggers"]["x"]["settings"] == later


async def test_what_is_no_longer_allowed_does_not_work_and_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.kt"
    await begin(path, CRON)
    settings = [{"triggers": {"allow": ["idle"]}}]
    clock = VirtualClock(NOON + 3600)
    async with Host(clock=clock) as host, await Agent.resume(path, llm=Talk(), host=host, plugins=settings) as agent:
        await clock.advance(3600)
        assert agent.history[-1].text == "Done."
        why = "tick: does not work: an agent may not set a trigger 'cron' here"
        assert await call(agent, "list_triggers") == why
        assert await call(agent, "delete_trigger", id="tick") == "deleted: tick"
        assert await call(agent, "list_triggers") == "there are no triggers"


@pytest.mark.parametrize(
    "kept",
    [
        {"x": None},
        {"x": {"kind": "cron"}},
        {"x": {"kind": "cron", "settings": {"schedule": "x", "prompt": "p"}, "origin": ""}},
        {"x": {"kind": "shell", "settings": {}, "origin": ""}},
        {"a b": {"kind": "timer", "settings": {}, "origin": ""}},
    ],
)
async def test_state_that_can_not_be_read_is_said(host: Host, kept: Any) -> None:
    agent = await Agent.build(own(), llm=Talk(), host=host)
    agent.state["triggers"] = kept
    recorder = EventRecorder(agent)
    async with agent:
        assert "does not work" in await call(agent, "list_triggers")
    assert "does not work" in recorder.of(Advice)[0].text


async def test_state_that_is_no_table_is_replaced(host: Host) -> None:
    agent = await Agent.build(own(), llm=Talk(), host=host)
    agent.state["triggers"] = "text"
    async with agent:
        assert "set: " in await call(agent, "set_trigger", **CRON)
    assert list(agent.state["triggers"]) == ["tick"]
