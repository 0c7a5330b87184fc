"""Every attempt against every backend of this machine, judged from outside; and that ordinary work goes on."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import Agent
from kt.testing import ScriptedLLM
from kt_sandbox.probe import MAKES, missing

from .attempts import ATTEMPTS, Attempt
from .work import WORK
from .world import CANARY, World

pytestmark = pytest.mark.anyio
LIMITS = {"memory_mb": 1024, "processes": 200, "file_mb": 64, "disk_mb": 100}
NEEDED = {"node": "node", "compiler": "cc", "make": "make"}
"""Programs that a machine may not have."""


RESULTS: dict[str, dict[str, str]] = {}
"""By attempt and backend, as it came out."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("escape").resolve())
    world.fill()
    world.listen()
    world.hurt()
    yield world
    world.end()


@pytest.fixture(params=[*MAKES, "none"])
async def agent(request: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agent]:
    backend = request.param
    if backend != "none" and (why := missing()[backend]):
        pytest.skip(f"{backend} does not work here: {why}")
    world.fill()
    world.hits.clear()
    if not world.victim_lives():
        world.hurt()
    monkeypatch.setenv("HOME", str(world.home))
    monkeypatch.delenv("KT_HOME", raising=False)
    monkeypatch.setenv("SERVICE_TOKEN", CANARY)
    settings = {"sandbox": {"backend": backend, "require": "none", "limits": LIMITS}}
    creature = {"name": "escapist", "tools": ["bash"]}
    async with await Agent.build(
        creature, llm=ScriptedLLM(), plugins=[settings], unguarded=True, pwd=world.work
    ) as agent:
        yield agent


async def bash(agent: Agent, command: str, timeout: float) -> str:
    agent.provider = ScriptedLLM([[("bash", {"command": command, "timeout": timeout})], "done"])
    result = await agent.run("go")
    (call,) = result.tool_calls
    return f"{call.result or ''}{call.error or ''}"


def clean(attempt: Attempt, world: World) -> None:
    for path in (Path("/etc/kt-escape"), Path(f"/dev/shm/kt-escape-{world.pid}"), Path(f"/tmp/kt-escape-{world.pid}")):
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda a: a.name)
async def test_an_attempt(attempt: Attempt, agent: Agent, world: World) -> None:
    backend = agent.sandbox.backend.name  # type: ignore[attr-defined]
    if backend == "none" and attempt.unsafe:
        pytest.skip("it would do harm here")
    clean(attempt, world)
    output = await bash(agent, attempt.filled(world), attempt.timeout)
    await asyncio.sleep(attempt.wait)
    escaped = attempt.escaped(world, output)
    for _ in range(20 if backend == "none" else 0):
        if not escaped:  # who listens for it may see it a moment later
            await asyncio.sleep(0.1)
            escaped = attempt.escaped(world, output)
    RESULTS.setdefault(attempt.name, {})[backend] = "ESCAPED" if escaped else "held"
    clean(attempt, world)
    if backend == "none":
        # Without walls an attempt must succeed, or it proves nothing about those that hold it.
        assert escaped or attempt.inert or attempt.quota, output
    elif backend == "landlock":
        # A gap that is not there any more fails too: what is published must be true.
        assert escaped == attempt.gap or (attempt.gap and attempt.inert) or attempt.quota, output
    else:
        assert not escaped or attempt.quota, output


@pytest.mark.parametrize("name", WORK)
async def test_ordinary_work_goes_on(name: str, agent: Agent) -> None:
    program = NEEDED.get(name)
    if program is not None and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    command, expected = WORK[name]
    assert expected in await bash(agent, command, 60)


def test_there_are_at_least_sixty_attempts_and_twentyfive_pieces_of_work() -> None:
    assert len({a.name for a in ATTEMPTS}) == len(ATTEMPTS) >= 60
    assert len(WORK) >= 25
    assert subprocess.run(["git", "--version"], capture_output=True, check=True).stdout


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    tried = [b for b in (*MAKES, "none") if any(b in row for row in RESULTS.values())]
    with capsys.disabled():
        print("\n" + f"{'attempt':<20}" + "".join(f"{b:<12}" for b in tried))
        for name, row in RESULTS.items():
            print(f"{name:<20}" + "".join(f"{row.get(b, '-'):<12}" for b in tried))
        for backend in tried:
            made = [row[backend] for row in RESULTS.values() if backend in row]
            print(f"{backend}: {made.count('ESCAPED')} of {len(made)} escaped")
