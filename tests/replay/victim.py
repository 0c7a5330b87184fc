"""A program that keeps a session and is killed at its N-th event: `python victim.py SESSION N`; N = 0 ends cleanly."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import kt
from kt import Agent, Context, tool
from kt.events import Logged
from kt.testing import ScriptedLLM


@tool(effect="read")
async def look(where: str = "here") -> str:
    """Look at something."""
    await asyncio.sleep(0)
    return f"an owl at {where}"


@tool
def note(ctx: Context[None], text: str) -> str:
    """Keep a note."""
    ctx.agent.state["notes"] = [*ctx.agent.state.get("notes", []), text]
    return "noted"


@tool(background=True)
async def count(to: int) -> str:
    """Count, which takes a while."""
    await asyncio.sleep(0.01)
    return f"counted to {to}"


TOOLS = [look, note, count]
STEPS = [
    [("look", {"where": "a"}), ("note", {"text": "one"}), ("look", {"where": "b"})],
    [("count", {"to": 3, "run_in_background": True})],
    "It counts, which takes a while.",
    "It is done.",
    [("note", {"text": "two"}), ("note", {"text": "three"})],
    "Noted.",
]


class Reaper:
    """Kill this process at an event, once what came before it is on the disk."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, event: kt.events.Event) -> None:
        self.left -= isinstance(event, Logged)
        if self.left == 0 and isinstance(event, Logged):
            time.sleep(0.1)  # the thread that writes takes what it has after a twentieth of a second
            os.kill(os.getpid(), signal.SIGKILL)


async def main(path: Path, at: int) -> None:
    llm = ScriptedLLM(STEPS, delay=0.001)
    async with await Agent.build({"name": "victim"}, llm=llm, tools=TOOLS, session=path, pwd=path.parent) as agent:
        agent.bus.on(kt.events.Event, Reaper(at or -1))
        await agent.run("Look, note and count.")
        await agent.run("Note more.")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
