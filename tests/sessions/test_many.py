"""Many sessions on one host, and several agents in one session."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins, SessionReader
from kt.testing import ScriptedLLM
from kt_sessions.check import check
from kt_sessions.service import Sessions

from .conftest import Victim

pytestmark = pytest.mark.anyio


async def agent_on(host: Host, name: str, session: Any) -> Agent:
    agent: Agent = await Agent.build({"name": name}, llm=ScriptedLLM(lambda request: "yes"), host=host, session=session)
    await agent.start()
    return agent


async def test_more_sessions_than_connections_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most, count = 16, 40
    monkeypatch.setattr("kt_sessions.writer.MOST_OPEN", most)
    async with Host() as host:
        agents = [await agent_on(host, f"a{n}", tmp_path / f"{n}.ktlog") for n in range(count)]
        for question in ("one", "two"):
            results = await asyncio.gather(*[agent.run(question) for agent in agents])
            assert all(result.ok for result in results)
        assert 0 < _open_databases() <= most
        for agent in agents:
            await agent.stop()
    assert _endings(tmp_path) == {".ktlog"}
    for n in range(count):
        with SessionReader(tmp_path / f"{n}.ktlog") as reader:
            assert [turn.user_text for turn in reader.turns()] == ["one", "two"]


@pytest.mark.parametrize("count", [20, 60])
def test_sessions_need_few_descriptors(tmp_path: Path, start: Callable[..., Victim], count: int) -> None:
    victim = start("crowd", tmp_path, count, 128, file="victims_team.py")
    assert victim.ended() == 0
    assert victim.lines == [f"OPEN {count}", f"TURN {count}", f"TURN {count}", "STOPPED"]
    assert _endings(tmp_path) == {".ktlog"}


def test_a_session_too_many_is_refused_and_the_others_go_on(tmp_path: Path, start: Callable[..., Victim]) -> None:
    victim = start("crowd", tmp_path, 140, 128, file="victims_team.py")
    assert victim.ended() == 0
    (error,), (opened,) = victim.said("ERROR"), victim.said("OPEN")
    assert "too many files are open" in error
    assert "ulimit -n" in error
    assert 90 < int(opened) < 128
    assert victim.said("TURN") == [opened, opened]
    for n in (0, int(opened) - 1):
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


async def test_a_session_is_running_while_somebody_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "s.ktlog"
    running = Plugins().registry.get("loader", "session_running")
    async with Host() as host:
        agent = await agent_on(host, "a", path)
        await agent.run("go")
        assert running(path)
        await agent.stop()
    assert not running(path)
