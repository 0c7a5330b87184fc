"""A process with a sub-agent at work, to be killed: `python victim.py SESSION`; it says "running" once it is."""

import asyncio
import sys

from kt import Agent, tool
from kt.testing import ScriptedLLM


@tool
async def wait() -> str:
    """Wait for ever."""
    print("running", flush=True)
    await asyncio.Event().wait()
    return "never"


def play(request: object) -> object:
    system = getattr(request, "system", "")
    asked = len(getattr(request, "messages", ()))
    if system == "You are helper.":
        return [("wait", {})]
    return [("task", {"agent": "helper", "prompt": "Look."})] if asked == 1 else "It runs."


async def main(session: str) -> None:
    helper = {"name": "helper", "prompt": "You are helper.", "tools": ["wait"]}
    boss = {"name": "boss", "prompt": "You are boss."}
    async with await Agent.build(
        boss, llm=ScriptedLLM(play), tools=[wait], subagents=[helper], session=session
    ) as agent:
        await agent.run("go")


asyncio.run(main(sys.argv[1]))
