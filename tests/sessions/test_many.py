"""Many sessions on one host, and several agents in one session."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, SessionReader
from kt.testing import ScriptedLLM
from kt_sessions.check import check
from kt_sessions.service import Sessions
from kt_sessions.writer import MOST_OPEN

pytestmark = pytest.mark.anyio


async def agent_on(host: Host, name: str, session: Any) -> Agent:
    agent: Agent = await Agent.build({"name": name}, llm=ScriptedLLM(lambda request: "yes"), host=host, session=session)
    await agent.start()
    return agent


async def test_more_sessions_than_connections_stay_open(tmp_path: Path) -> None:
    count = MOST_OPEN + 40
    async with Host() as host:
        agents = [await agent_on(host, f"a{n}", tmp_path / f"{n}.ktlog") for n in range(count)]
        for question in ("one", "two"):
            results = await asyncio.gather(*[agent.run(question) for agent in agents])
            assert all(result.ok for result in results)
        assert _open_databases() <= MOST_OPEN
        for agent in agents:
            await agent.stop()
    assert _endings(tmp_path) == {".ktlog"}
    for n in range(count):
        with SessionReader(tmp_path / f"{n}.ktlog") as reader:
            assert [turn.user_text for turn in reader.turns()] == ["one", "two"]


def _open_databases() -> int:
    """Return how many session files this process has open."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(descriptor.readlink()).endswith(".ktlog")
    return found


def _endings(folder: Path) -> set[str]:
    return {file.suffix for file in folder.iterdir()}


async def test_a_part_of_an_agent_has_a_stream_of_its_own_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        parent = await agent_on(host, "parent", path)
        log: Any = parent.log
        child = await agent_on(host, "child", log.child())
        await asyncio.gather(parent.run("to the parent"), child.run("to the child"))
        await child.stop()
        await parent.run("and once more")
        await parent.stop()
    with SessionReader(path) as reader:
        assert [(s.name, s.kind, s.parent) for s in reader.streams] == [
            ("parent", "agent", None),
            ("child", "subagent", 1),
        ]
        assert [turn.user_text for turn in reader.turns()] == ["to the parent", "and once more"]
        assert [turn.user_text for turn in reader.turns("child")] == ["to the child"]
    assert check(path).problems == []


async def test_agents_that_start_together_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    async with Host() as host:
        agents = await asyncio.gather(*[agent_on(host, f"a{n}", path) for n in range(5)])
        await asyncio.gather(*[agent.run(f"to {agent.name}") for agent in agents])
        assert len(Sessions.of(host).files) == 1
        for agent in agents:
            await agent.stop()
    with SessionReader(path) as reader:
        for n in range(5):
            assert [turn.user_text for turn in reader.turns(f"a{n}")] == [f"to a{n}"]
    assert check(path).problems == []
