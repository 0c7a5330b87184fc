"""Let one agent use another: a tool may await an agent, and a cancelled turn cancels the inner one as well."""

import asyncio
import sys

import kt
from kt import Agent
from kt.testing import ScriptedLLM


async def main(writer: object, reviewer: object) -> None:
    @kt.tool(effect="read")
    async def review(ctx: kt.Context[None], text: str) -> str:
        """Have a text reviewed."""
        creature = {"name": "reviewer", "prompt": "You find mistakes."}
        async with await Agent.build(creature, llm=reviewer, host=ctx.agent.host) as inner:
            result = (await inner.run(text)).unwrap()
        spent.append(result.usage.total)
        return result.text

    spent: list[int] = []
    async with await Agent.build({"name": "writer"}, llm=writer, tools=[review]) as agent:
        result = (await agent.run("Have this reviewed: Teh owl sleeps by dya.")).unwrap()
    print(f"{result.text} Tokens in all: {result.usage.total + sum(spent)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(sys.argv[1], sys.argv[1]))
    else:
        script = [[("review", {"text": "Teh owl sleeps by dya."})], "The review says: two typing errors."]
        asyncio.run(main(ScriptedLLM(script), ScriptedLLM(["Two typing errors."])))
