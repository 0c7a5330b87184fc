"""Idle: a turn when none ran for so long; startup: a turn when the agent starts."""

import pytest
from kt import Agent, Host
from kt.events import AgentStarted, TurnStarted
from kt.testing import EventRecorder, ScriptedLLM, running

from .conftest import CountingClock, Talk, creature, host_clock, quiet

pytestmark = pytest.mark.anyio
IDLE = {"name": "idle", "after": "10m", "prompt": "Still there?"}


async def test_it_fires_once_until_another_turn_runs(host: Host, clock: CountingClock, talk: Talk) -> None:
    async with running(talk, creature=creature(IDLE), host=host) as agent:
        await clock.advance(599)
        assert talk.told == []
        await clock.advance(1)
        await quiet(agent)
        assert talk.told == ["Still there?"]
        await clock.advance(7200)
        await quiet(agent)
        assert talk.told == ["Still there?"]
        await agent.run("Yes.")
        await clock.advance(600)
        await quiet(agent)
    assert talk.told == ["Still there?", "Yes.", "Still there?"]


async def test_each_turn_starts_the_wait_anew(host: Host, clock: CountingClock, talk: Talk) -> None:
    async with running(talk, creature=creature(IDLE), host=host) as agent:
        for _ in range(5):
            await clock.advance(400)
            await agent.run("Hm.")
        await clock.advance(599)
        await quiet(agent)
        assert "Still there?" not in talk.told
        await clock.advance(1)
        await quiet(agent)
    assert talk.told[-1] == "Still there?"


async def test_so_many_times_in_a_row(host: Host, clock: CountingClock, talk: Talk) -> None:
    for times, told in ((3, 3), (None, 6)):
        talk.told.clear()
        async with running(talk, creature=creature({**IDLE, "times": times}), host=host) as agent:
            for _ in range(6):
                await clock.advance(600)
                await quiet(agent)
        assert len(talk.told) == told


async def test_while_a_turn_runs_it_waits_for_its_end_and_not_for_the_clock(
    host: Host, clock: CountingClock, talk: Talk
) -> None:
    async with running(talk, creature=creature(IDLE), host=host) as agent:
        talk.gate.clear()
        agent.send("Work for long.")
        await clock.advance(86_400)
        assert clock.sleeps <= 1
        talk.gate.set()
        await quiet(agent)
        await clock.advance(599)
        assert len(talk.told) == 1
        await clock.advance(1)
        await quiet(agent)
    assert talk.told == ["Work for long.", "Still there?"]


async def test_startup_comes_after_the_start_with_the_whole_prompt(host: Host) -> None:
    llm = ScriptedLLM(["Good morning."])
    agent = await Agent.build(
        creature({"name": "startup", "prompt": "Begin."}, prompt="You are early."), llm=llm, host=host
    )
    recorder = EventRecorder(agent)
    async with agent:
        await quiet(agent)
        while not recorder.of(TurnStarted):
            await host_clock(agent).advance(0)
        await quiet(agent)
    assert (llm.requests[0].system, llm.requests[0].messages[-1].text) == ("You are early.", "Begin.")
    kinds = [type(e) for e in recorder.events]
    assert kinds.index(AgentStarted) < kinds.index(TurnStarted)
