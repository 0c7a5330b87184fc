"""The user's terminal: programs of tools can't write to it, type into it, or find it, though we run in it."""

import os
import pty
import select
import sys
import time
from pathlib import Path

import pytest
from kt_sandbox.probe import MAKES, missing

AGENT = """
import asyncio, sys
from kt import Agent
from kt.testing import ScriptedLLM

async def main():
    settings = {"sandbox": {"backend": sys.argv[1], "require": "none"}}
    llm = ScriptedLLM([[("bash", {"command": sys.argv[2], "timeout": 10})], "done"])
    creature = {"name": "x", "tools": ["bash"]}
    async with await Agent.build(creature, llm=llm, plugins=[settings], unguarded=True) as agent:
        (call,) = (await agent.run("go")).tool_calls
        print("RESULT", repr(call.result), flush=True)

asyncio.run(main())
"""
PLAIN = "import subprocess, sys; subprocess.run(['bash', '-c', sys.argv[2]]); print('RESULT', flush=True)"
ATTEMPTS = {
    "write": ("printf SPOO > /dev/tty; printf FED > /dev/tty", "SPOOFED"),
    "type": (
        "python3 -c \"import fcntl; f=open('/dev/tty','w'); [fcntl.ioctl(f,0x5412,bytes([c])) for c in b'TYPED']\"",
        "TYPED",
    ),
    "name": ("printf SPOO > $(readlink /proc/$PPID/fd/0 2>/dev/null || echo /dev/null) && echo", "SPOOFED"),
}


def on_a_terminal(code: str, backend: str, command: str, folder: Path) -> str:
    """Run Python code as the leader of a terminal of its own; return what the terminal shows."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-c", code, backend, command])
    shown, end = b"", time.monotonic() + 30
    try:
        while time.monotonic() < end and b"RESULT" not in shown:
            if select.select([master], [], [], 0.2)[0]:
                shown += os.read(master, 65_536)
    except OSError:
        pass
    os.close(master)
    os.waitpid(pid, 0)
    return shown.decode(errors="replace").partition("RESULT")[0]


@pytest.mark.parametrize("backend", [*MAKES, "none"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_terminal_is_out_of_reach(attempt: str, backend: str, tmp_path: Path) -> None:
    if backend != "none" and (why := missing()[backend]):
        pytest.skip(f"{backend} does not work here: {why}")
    command, mark = ATTEMPTS[attempt]
    assert mark not in on_a_terminal(AGENT, backend, command, tmp_path)


def test_without_our_care_it_is_in_reach(tmp_path: Path) -> None:
    command, mark = ATTEMPTS["write"]
    assert mark in on_a_terminal(PLAIN, "", command, tmp_path)
