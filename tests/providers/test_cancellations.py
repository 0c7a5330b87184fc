"""However a turn is cancelled, in its stream or in its tool, nothing stays behind: no socket, no task, no process."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kt import Agent, Host
from kt.events import ToolStarted

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts in /proc")]
TIMES = 200


@pytest.fixture
async def address() -> AsyncIterator[str]:
    script = Path(__file__).with_name("slow_server.py")
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    process.terminate()
    process.wait()
    process.stdout.close()


def sockets() -> int:
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += str(entry.readlink()).startswith("socket:")
        except OSError:
            continue  # the folder's own
    return found


def children() -> set[str]:
    """Return the processes below this one, at any depth."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[status.parent.name] = fields[1]
    below, own = set[str](), {str(os.getpid())}
    while new := {pid for pid, parent in parents.items() if parent in own | below} - below:
        below |= new
    return below


async def cancelled(agent: Agent, way: int, after: float) -> str:
    """Run a turn and cancel it in one of the ways there are; return its status."""
    if way == 0:
        return (await agent.run("go", timeout=after)).status
    if way == 1:
        stream = agent.run_stream("go")
        started = asyncio.get_running_loop().time()
        async for event in stream:
            if isinstance(event, ToolStarted) or asyncio.get_running_loop().time() - started > after:
                break
        await stream.aclose()
        return "cancelled"
    task = asyncio.create_task(agent.run("go"))
    await asyncio.sleep(after)
    if way == 2:
        agent.interrupt()
        return (await task).status
    task.cancel()
    await asyncio.wait([task])
    return "cancelled"


async def test_two_hundred_cancellations_leave_nothing_behind(address: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    tasks, before, processes = asyncio.all_tasks(), sockets(), children()
    llm = {"provider": "endpoint", "base_url": address, "model": "m"}
    statuses = set()
    async with (
        Host() as host,
        await Agent.build({"tools": ["bash"]}, llm=llm, host=host, pwd=tmp_path, unguarded=True) as agent,
    ):
        for _ in range(TIMES):
            statuses.add(await cancelled(agent, chance.randrange(4), chance.uniform(0.0, 0.06)))
            assert agent.turn is None
            assert children() == processes
        last = agent.history[-1]
        assert not last.tool_calls
    assert statuses == {"timeout", "cancelled"}
    assert (asyncio.all_tasks(), sockets()) == (tasks, before)
