"""Ask many questions at once: one agent each, on one host, every answer a typed result."""

import asyncio
import sys

from kt import Agent, Host, Request, TurnResult
from kt.errors import ModelError
from kt.testing import ScriptedLLM


def script(request: Request) -> object:
    thing = request.messages[-1].text.split()[-1].rstrip("?")
    if thing == "stone":
        return ModelError("the model does not know stones")
    return f"{'An' if thing[0] in 'aeiou' else 'A'} {thing} is a bird."


async def ask(host: Host, llm: object, thing: str) -> TurnResult:
    async with await Agent.build({"name": thing}, llm=llm, host=host) as agent:
        return await agent.run(f"What is: {thing}?", timeout=60)


async def main(llm: object) -> None:
    things = ["owl", "wren", "stone"]
    async with Host() as host:
        results = await asyncio.gather(*(ask(host, llm, thing) for thing in things))
    for thing, result in zip(things, results, strict=True):
        error = result.error
        print(f"{thing}: {result.text if error is None else f'{result.status}: {error.code} {error}'}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ScriptedLLM(script)))
