"""What an agent took in and answered, and who of several agents a resume gives back."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, Creature, Host, Plugins, SessionReader
from kt.errors import NotFound
from kt.events import TurnEnded
from kt.testing import ScriptedLLM, running
from kt_sessions.resume import recorded
from kt_sessions.rewind import rewind
from kt_sessions.trace import AgentTrace, TracedTurn, accepted

from .conftest import Victim

pytestmark = pytest.mark.anyio

PLUGINS = Plugins()
PREFIX = ("channel:", "wire:")


def trace(path: Path, agent: str = "coder", prefix: str | tuple[str, ...] = PREFIX, **options: Any) -> AgentTrace:
    return accepted(PLUGINS, path, agent, prefix, **options)


@kt.tool(effect="read")
async def steered(ctx: kt.Context[None], text: str) -> str:
    ctx.agent.send(text, steer=True, source=f"channel:talk#{text}")
    return "sent"


async def told(agent: Agent, text: str, source: str) -> None:
    """Give an agent input of a source, and wait until it has served it."""
    ended = asyncio.Event()
    off = agent.bus.on(TurnEnded, lambda event: ended.set())
    agent.send(text, source=source)
    await ended.wait()
    off()


async def team(path: Path, steps: list[Any], **options: Any) -> None:
    async with running(steps, session=path, tools=[steered], creature={"name": "coder"}, **options) as agent:
        await told(agent, "first", "channel:talk#m1")
        await agent.run("by a user")
        await told(agent, "third", "wire:planner#m2")


async def test_sources_and_answers_are_told(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await team(path, ["one", [("steered", {"text": "m9"})], "two", "three"])
    turns = {
        1: TracedTurn(["channel:talk#m1"], "ok", "one"),
        2: TracedTurn(["user", "channel:talk#m9"], "ok", "two"),
        3: TracedTurn(["wire:planner#m2"], "ok", "three"),
    }
    assert trace(path) == AgentTrace({"channel:talk#m1", "channel:talk#m9", "wire:planner#m2"}, turns)
    assert trace(path, prefix="wire:").sources == {"wire:planner#m2"}
    later = trace(path, after=2)
    assert (later.turns, later.sources) == ({3: turns[3]}, trace(path).sources)
    assert trace(path, "critic") == AgentTrace(set(), {})


async def test_a_turn_that_failed_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with running([RuntimeError("down")], session=path, creature={"name": "coder"}) as agent:
        await told(agent, "x", "channel:talk#m1")
    assert trace(path).turns == {1: TracedTurn(["channel:talk#m1"], "failed", "")}


async def test_what_was_left_behind_was_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await team(path, ["one", "two", "three"])
    rewind(path, 1, stream="coder")
    assert trace(path) == AgentTrace({"channel:talk#m1"}, {1: TracedTurn(["channel:talk#m1"], "ok", "one")})


async def test_a_turn_that_goes_on_has_the_input_of_the_one_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"

    @kt.tool(effect="read")
    async def ask(ctx: kt.Context[None]) -> str:
        return str(await ctx.ask("sure?", ["yes", "no"]))

    async with running([[("ask", {})]], session=path, tools=[ask], creature={"name": "coder"}) as agent:
        agent.questions.wait = True
        await told(agent, "x", "channel:talk#m1")
    assert trace(path).turns == {1: TracedTurn(["channel:talk#m1"], "waiting", "")}
    async with await Agent.resume(path, agent="coder", llm=ScriptedLLM(["Done."]), tools=[ask]) as agent:
        (question,) = agent.questions.pending
        await agent.answer(question.id, "yes")
    assert trace(path).turns[2] == TracedTurn(["channel:talk#m1"], "ok", "Done.")


def test_what_was_taken_is_known_after_a_kill(tmp_path: Path, start: Callable[..., Victim]) -> None:
    path = tmp_path / "s.ktlog"
    victim = start("team", path, file="victims_team.py")
    victim.read(5)
    victim.kill()
    turns = trace(path, prefix="user").turns
    assert list(turns) == list(range(1, len(turns) + 1))
    assert [turn.status for turn in turns.values()][: victim.confirmed] == ["ok"] * victim.confirmed
    assert {turn.text for turn in turns.values() if turn.status == "ok"} == {"yes"}
    assert all(turn.status == "interrupted" for turn in list(turns.values())[victim.confirmed + 1 :])


# Which agent goes on


async def agents_on(path: Path, *names: str, **options: Any) -> None:
    """Keep a turn of each of several agents in one file."""
    async with Host() as host:
        for name in names:
            llm = ScriptedLLM([f"I am {name}."])
            agent = await Agent.build({"name": name, "prompt": name}, llm=llm, host=host, session=path, **options)
            async with agent:
                await agent.run(f"to {name}")


async def test_an_agent_of_several_is_resumed_by_name(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await agents_on(path, "planner", "coder", "critic")
    for name, said in ((None, "planner"), ("coder", "coder"), ("critic", "critic")):
        async with await Agent.resume(path, agent=name, llm=ScriptedLLM(["on"])) as agent:
            assert (agent.name, agent.session, agent.history[0].text) == (said, str(path), f"to {said}")
            assert agent.system == said
            await agent.run("and")
    with SessionReader(path) as reader:
        assert [(info.name, len(list(reader.turns(info.id)))) for info in reader.agents] == [
            ("planner", 2),
            ("coder", 2),
            ("critic", 2),
        ]
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208


async def test_another_creature_goes_on_under_the_agents_name(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await agents_on(path, "planner", "coder")
    (tmp_path / "other.yaml").write_text("name: other\nprompt: I am another.\n")
    for creature in ({"name": "other"}, Creature(name="other"), str(tmp_path / "other.yaml")):
        llm = ScriptedLLM(["on"])
        async with await Agent.resume(path, agent="coder", creature=creature, llm=llm) as agent:
            assert (agent.name, agent.history[0].text) == ("coder", "to coder")
    with SessionReader(path) as reader:
        assert [info.name for info in reader.streams] == ["planner", "coder"]


async def test_an_agent_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    await agents_on(path, "planner", "coder")
    with pytest.raises(NotFound, match="'codr'") as raised:
        recorded(PLUGINS, path, {"agent": "codr"})
    assert "coder" in raised.value.hint
    with SessionReader(path) as reader, pytest.raises(NotFound, match="'codr'") as raised:
        reader.stream("codr")
    assert "coder" in raised.value.hint


async def test_an_agent_is_found_before_a_part_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        parent = await Agent.build({"name": "planner"}, llm=ScriptedLLM(["p"]), host=host, session=path)
        other = await Agent.build({"name": "worker"}, llm=ScriptedLLM(["w"]), host=host, session=path)
        async with parent, other:
            log: Any = parent.log
            part = await Agent.build({"name": "worker"}, llm=ScriptedLLM(["s"]), host=host, session=log.child())
            async with part:
                for agent in (parent, other, part):
                    await agent.run("go")
    with SessionReader(path) as reader:
        assert reader.stream("worker").id == 2
        assert [info.id for info in reader.family("planner")] == [1, 3]
        assert [info.id for info in reader.family("worker")] == [2]
    async with await Agent.resume(path, agent="worker", llm=ScriptedLLM(["on"])) as agent:
        assert [message.text for message in agent.history] == ["go", "w"]
