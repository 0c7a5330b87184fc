"""A session whose process was killed is replayed to where it was cut, and goes on as it did."""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kt import Agent, SessionReader
from kt.testing import ScriptedLLM
from kt_replay import replay

pytestmark = pytest.mark.anyio

VICTIM = Path(__file__).with_name("victim.py")
spec = importlib.util.spec_from_file_location("replay_victim", VICTIM)
assert spec is not None
assert spec.loader is not None
victim = importlib.util.module_from_spec(spec)
spec.loader.exec_module(victim)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))


def kill_at(path: Path, event: int) -> bool:
    """Run the victim up to an event; return whether it got that far."""
    done = subprocess.run([sys.executable, VICTIM, path, str(event)], check=False, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


async def go_on(path: Path) -> None:
    """Resume a session, finish its turn, and have one more."""
    steps = [[("look", {"where": "again"})], "Here I am again.", [("note", {"text": "last"})], "All is noted."]
    async with await Agent.resume(path, llm=ScriptedLLM(steps), tools=victim.TOOLS) as agent:
        await agent.run(None if agent.open_calls() else "Where were we?")
        await agent.run("Note the last.")


@pytest.mark.parametrize("event", range(1, 32))
async def test_a_session_that_was_killed_is_replayed(tmp_path: Path, event: int) -> None:
    path = tmp_path / "session.ktlog"
    assert kill_at(path, event)
    report = await replay(path)
    assert str(report).splitlines()[:-1] == [], "the cut session"
    await go_on(path)
    report = await replay(path)
    assert str(report).splitlines()[:-1] == [], "the session that went on"
    with SessionReader(path) as reader:
        assert report.turns == len(list(reader.turns()))
    assert (await replay(path, tools=victim.TOOLS)).same


async def test_a_session_that_was_killed_twice(tmp_path: Path) -> None:
    path = tmp_path / "session.ktlog"
    assert kill_at(path, 8)
    assert kill_at(path, 6)
    await go_on(path)
    assert str(await replay(path)).splitlines()[:-1] == []
