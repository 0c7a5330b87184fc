"""Say something to an agent while it works: it reads it before its next step."""

import asyncio
import sys

from kt import Agent, Request, tool
from kt.events import ToolEnded
from kt.testing import ScriptedLLM


@tool(effect="read")
def count(number: int) -> str:
    """Say a number."""
    return f"{number}!"


def script(request: Request) -> object:
    last, counted = request.messages[-1], sum(len(m.tool_calls) for m in request.messages)
    if last.role == "user" and counted:
        return f"I counted to {counted}, then you said: {last.text}"
    return [("count", {"number": counted + 1})]


async def main(llm: object) -> None:
    async with await Agent.build({"name": "counter"}, llm=llm, tools=[count]) as agent:

        def listen(event: ToolEnded) -> None:
            if event.result.text == "2!":
                agent.send("that is enough.", steer=True)

        agent.bus.on(ToolEnded, listen)
        print((await agent.run("Count, one number at a time, until I stop you.")).text)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ScriptedLLM(script)))
