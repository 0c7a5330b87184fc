"""A sub-agent's transcript is in its parent's session, and a crash is told as what it is."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, SessionReader, Usage, tool
from kt.testing import ScriptedLLM
from kt_sessions.spending import spent

pytestmark = pytest.mark.anyio


@tool
def look() -> str:
    """Look."""
    return "an owl"


async def test_its_transcript_is_a_stream_below_its_parents(
    boss: Any, make_cast: Any, task: Any, sub: Any, tmp_path: Path
) -> None:
    path = tmp_path / "session.ktsession"
    lead = sub("lead", subagents=[sub("helper", tools=["look"])], tools=["look"])
    cast = make_cast(
        boss=[[task("lead", wait=True)], "done"],
        lead=[[task("helper", wait=True)], "led"],
        helper=[[("look", {})], "an owl"],
    )
    async with boss(cast, lead, tools=[look], session=path) as agent:
        result = (await agent.run("go")).unwrap()
        used = agent.plugin("subagents").used
    with SessionReader(path) as reader:
        streams = reader.streams
        assert [(s.name, s.kind) for s in streams] == [
            ("boss", "agent"), ("lead", "subagent"), ("helper", "subagent"),
        ]  # fmt: skip
        assert [s.parent for s in streams] == [None, streams[0].id, streams[1].id]
        assert [m.text for m in reader.conversation("helper")] == ["Look.", "", "", "an owl"]
        assert [t.status for t in reader.turns("helper")] == ["ok"]
        told = [e.body for e in reader.events(kinds=["subagent_started", "subagent_ended"], stream="boss")]
        assert [(b["id"], b["name"]) for b in told] == [("s1", "lead"), ("s1", "lead")]
        assert told[1]["status"] == "ok"
        assert told[1]["text"] == "led"
        total = Usage()
        for each in spent(reader):
            total.add(each.usage)
        assert total.total == result.usage.total + used.total


async def test_secrets_stay_out_of_its_transcript(
    boss: Any, make_cast: Any, task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWL_TOKEN", "a-very-secret-owl-4711")
    path = tmp_path / "session.ktsession"
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=["It is a-very-secret-owl-4711."])
    async with boss(cast, guards=["redact"], session=path) as agent:
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].result == "[helper s1]\nIt is [redacted OWL_TOKEN]."
    with SessionReader(path) as reader:
        assert len(reader.streams) == 2
    assert b"secret-owl" not in path.read_bytes()


async def test_without_a_session_it_keeps_none(boss: Any, make_cast: Any, task: Any) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=["ok"])
    async with boss(cast) as agent:
        (await agent.run("go")).unwrap()
        child = agent.plugin("subagents").find("s1").agent
        assert (child.session, child.log.lasting) == (None, False)


def killed_at_work(path: Path) -> None:
    """Leave the session of a process that was killed while its sub-agent worked."""
    words = [sys.executable, str(Path(__file__).parent / "victim.py"), str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "running\n"
        victim.kill()


async def test_after_a_crash_nobody_claims_to_know_how_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "session.ktsession"
    killed_at_work(path)
    llm = ScriptedLLM(lambda request: "I see.")
    agent = await Agent.resume(path, llm=llm, tools=[look_and_wait], subagents=[HELPER])
    async with agent:
        (await agent.run("What now?")).unwrap()
        told = [m.text for m in llm.requests[-1].messages]
        assert agent.plugin("subagents").all == {}
    assert any("their outcome is unknown: j1 (task)" in text for text in told)
    with SessionReader(path) as reader:
        assert list(reader.events(kinds=["subagent_ended"])) == []
        assert [s.kind for s in reader.streams] == ["agent", "subagent"]


HELPER = {"name": "helper", "prompt": "You are helper.", "tools": ["wait"]}


@tool(name="wait")
def look_and_wait() -> str:
    """Wait."""
    return ""


async def test_ids_are_not_given_twice_in_a_session(
    boss: Any, make_cast: Any, task: Any, sub: Any, tmp_path: Path
) -> None:
    path = tmp_path / "session.ktsession"
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=["ok"])
    async with boss(cast, session=path) as agent:
        (await agent.run("go")).unwrap()
    again = make_cast(boss=[[task(wait=True)], [task(id="s1", wait=True)], "done"], helper=["ok"])
    async with await Agent.resume(path, llm=again) as agent:
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].result == "[helper s2]\nok"
    assert str(result.tool_calls[1].error).startswith("no sub-agent 's1' is kept")
