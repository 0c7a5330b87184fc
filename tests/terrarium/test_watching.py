"""A team seen from outside: what the root's bus tells of the others, and what session files tell."""

import json
from pathlib import Path
from typing import Any

import anyio.lowlevel
import pytest
from kt import Agent, Plugins, Terrarium, Usage
from kt.testing import ScriptedLLM
from kt_terrarium.events import MessageSent, TeamActivity
from kt_terrarium.following import Follower, Trail

pytestmark = pytest.mark.anyio
RECIPE = """
terrarium:
  channels: {talk: {}}
  creatures:
    - {name: lead, channels: {can_send: [talk]}, llm: {provider: scripted, model: lead.json}}
    - {name: coder, channels: {listen: [talk]}, output_wiring: [lead], llm: {provider: scripted, model: coder.json}}
"""
SAY = [{"tool": "send_message", "args": {"channel": "talk", "message": "build it"}}]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lead.json").write_text(json.dumps([SAY, "Asked.", "Built.", SAY, "Asked.", "Built again."]))
    (tmp_path / "coder.json").write_text(json.dumps(["It works.", "It still works."]))
    file = tmp_path / "team.yaml"
    file.write_text(RECIPE)
    return file


async def test_the_others_are_heard_on_the_roots_bus_only_while_somebody_listens(recipe: Path) -> None:
    async with await Agent.build(recipe) as agent:
        engine = agent.plugin("terrarium").member.engine
        assert (await agent.run("go")).text == "Built."
        assert not engine.feeds.any
        assert not engine.members["coder"].agent.bus.text

        told: list[TeamActivity] = []
        off = agent.bus.on(TeamActivity, told.append)
        assert (await agent.run("again")).text == "Built again."
        said = [(t.creature, t.event.text) for t in told if isinstance(t.event, MessageSent)]
        assert said == [("lead", "build it"), ("coder", "It still works.")]
        assert ("coder", "turn_ended") in [(t.creature, t.event.kind) for t in told]
        assert ("lead", "turn_ended") not in [(t.creature, t.event.kind) for t in told]
        off()
        engine.set_environment("lead", "season", "autumn")
        with anyio.fail_after(10):
            while engine.feeds.any:
                await anyio.lowlevel.checkpoint()
    assert not [t for t in told if t.event.kind in ("environment_set", "agent_stopped")]


async def test_creatures_with_sessions_of_their_own_are_followed(tmp_path: Path) -> None:
    async with Terrarium(session_dir=tmp_path, pwd=tmp_path) as engine:
        models: list[Any] = [ScriptedLLM([[("send_message", {"channel": "talk", "message": "hi"})], "Said."])]
        models.append(ScriptedLLM(["Heard."]))
        models[0].model = "anthropic/claude-sonnet-4-5"
        first = await engine.add_creature({"name": "one"}, llm=models[0])
        second = await engine.add_creature({"name": "two"}, llm=models[1])
        await engine.connect(first, second, channel="talk")
        assert first.graph.log.path is not None
        follower = Follower(Plugins(), first.graph.log.path)
        assert [(c.name, c.turns) for c in follower.look().creatures] == [("one", 0), ("two", 0)]
        await first.run("go")
        await engine.quiet()
        await second.agent.durable()
        await second.stop()
        team = follower.look()
        assert team.state == "running"
        assert [(c.name, c.state, c.turns) for c in team.creatures] == [("one", "idle", 1), ("two", "stopped", 1)]
        assert [c.window is not None for c in team.creatures] == [True, False]
        assert [(m.sender, m.text) for m in team.channels[0].last] == [("one", "hi")]
    assert follower.look().state == "ended"


def test_a_turn_is_counted_by_its_end_and_a_cut_one_by_its_replies() -> None:
    trail = Trail()
    reply = {"message": {"finish": "stop"}, "usage": {"input": 10, "output": 1, "cost": 0.5}}
    for kind, body in (
        ("turn_started", {"turn": 1}),
        ("llm_ended", reply),
        ("turn_ended", {"turn": 1, "result": {"usage": {"input": 30, "output": 3, "cost": 2.0}}}),
        ("turn_started", {"turn": 2}),
        ("llm_ended", reply),
        ("agent_started", {"model": "m"}),
        ("turn_started", {"turn": 3}),
    ):
        trail.take(kind, body, 1.0)
    assert trail.spent == Usage(40, 4, cost=2.5)
    assert (trail.turns, trail.open, trail.context) == (3, True, 10)
