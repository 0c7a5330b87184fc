"""Get an answer that fits a type; what does not fit goes back to the model."""

import asyncio
import sys
from dataclasses import dataclass

from kt import Agent
from kt.testing import ScriptedLLM


@dataclass
class Recipe:
    """What to cook, in how many minutes, and out of what."""

    name: str
    minutes: int
    ingredients: list[str]


async def main(llm: object) -> None:
    async with await Agent.build({"name": "cook"}, llm=llm, output_type=Recipe) as agent:
        result = (await agent.run("A recipe for pancakes, please.")).unwrap()
    print(f"asked {result.turns} times\n{result.output}")


if __name__ == "__main__":
    script = [
        '{"name": "Pancakes", "minutes": "about twenty"}',
        '{"name": "Pancakes", "minutes": 20, "ingredients": ["flour", "milk", "eggs"]}',
    ]
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ScriptedLLM(script)))
