"""Show an answer while it comes, and the tools it uses."""

import asyncio
import sys

from kt import Agent, tool
from kt.events import LLMRestarted, TextDelta, ToolEnded, TurnEnded
from kt.testing import ScriptedLLM


@tool(effect="read")
async def look() -> str:
    """Look at the sky."""
    return "grey"


async def main(llm: object) -> None:
    async with await Agent.build({"name": "weather"}, llm=llm, tools=[look]) as agent:
        async for event in agent.run_stream("What is the sky like?"):
            match event:
                case TextDelta(text=text):
                    print(text, end="", flush=True)
                case ToolEnded(call=call, result=result):
                    print(f"* {call.name} done: {result.text}")
                case LLMRestarted():
                    print("\n(once more)")
                case TurnEnded(result=result):
                    print(f"\n{result.status}, asked {result.turns} times")


if __name__ == "__main__":
    script: list[object] = [[("look", {})], "The sky is grey."]
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ScriptedLLM(script)))
