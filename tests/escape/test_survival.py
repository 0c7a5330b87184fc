"""Nothing that a tool started outlives its call, a cancellation, or the death of the process that runs the agent."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kt import Agent
from kt.testing import ScriptedLLM
from kt_sandbox.probe import MAKES, missing

pytestmark = pytest.mark.anyio
CANCELS = 200

AGENT = """
import asyncio, sys
from kt import Agent
from kt.testing import ScriptedLLM

async def main():
    settings = {"sandbox": {"backend": sys.argv[1]}}
    llm = ScriptedLLM([[("bash", {"command": sys.argv[2]})], "done"])
    creature = {"name": "x", "tools": ["bash"]}
    async with await Agent.build(creature, llm=llm, plugins=[settings], unguarded=True) as agent:
        await agent.run("go")

asyncio.run(main())
"""


def living(mark: str) -> list[int]:
    """Return the processes whose command line has a mark, seen from outside all walls."""
    out = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if mark in (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                    out.append(int(folder.name))
            except OSError:
                continue
    return out


def wait_until(what: str, true: "object", mark: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while bool(living(mark)) != true:
        assert time.monotonic() < end, f"{what}: {living(mark)}"
        time.sleep(0.05)


@pytest.fixture(params=list(MAKES))
def backend(request: pytest.FixtureRequest) -> str:
    if why := missing()[request.param]:
        pytest.skip(f"{request.param} does not work here: {why}")
    return str(request.param)


@pytest.mark.parametrize("how", ["plain", "daemon"])
def test_nothing_runs_a_second_after_the_agent_was_killed(backend: str, how: str, tmp_path: Path) -> None:
    mark = f"97{random.randrange(10**8, 10**9)}.5"
    command = f"sleep {mark}" if how == "plain" else f"(setsid sleep {mark} &); (trap '' TERM; sleep {mark})"
    process = subprocess.Popen(
        [sys.executable, "-c", AGENT, backend, command.replace(mark, "$(cat mark)")], cwd=tmp_path
    )
    (tmp_path / "mark").write_text(mark)
    try:
        wait_until("the tool starts", True, f"sleep {mark}", 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until("it is gone", False, f"sleep {mark}", 1)
    finally:
        process.kill()
        process.wait()
        for pid in living(f"sleep {mark}"):
            os.kill(pid, signal.SIGKILL)


async def test_random_cancellations_leave_no_process(backend: str, tmp_path: Path) -> None:
    mark = f"97{random.randrange(10**8, 10**9)}.5"
    (tmp_path / "mark").write_text(mark)
    command = "(setsid sleep $(cat mark) &); (trap '' TERM; sleep $(cat mark)) & sleep $(cat mark)"
    settings = {"sandbox": {"backend": backend}}
    chance = random.Random(7)

    async def one() -> None:
        llm = ScriptedLLM([[("bash", {"command": command})], "done"])
        async with await Agent.build(
            {"name": "x", "tools": ["bash"]}, llm=llm, plugins=[settings], unguarded=True, pwd=tmp_path
        ) as agent:
            turn = asyncio.create_task(agent.run("go"))
            await asyncio.sleep(chance.uniform(0, 0.15))
            agent.interrupt()
            await turn

    for _ in range(CANCELS // 10):
        await asyncio.gather(*(one() for _ in range(10)))
    assert living(f"sleep {mark}") == []
