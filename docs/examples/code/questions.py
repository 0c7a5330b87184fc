"""Answer an agent's questions: a tool asks before it acts, this program is the surface that answers."""

import asyncio
import sys

import kt
from kt import Agent
from kt.events import QuestionAsked
from kt.testing import ScriptedLLM

PRECIOUS = "diary.txt"


@kt.tool
async def delete(ctx: kt.Context[None], name: str) -> str:
    """Delete a file, if the user agrees."""
    answer = await ctx.ask(f"Delete {name}?", ["yes", "no"], topic="approval")
    return f"{name} is deleted" if answer == "yes" else f"the user wants to keep {name}"


async def main(llm: object) -> None:
    async with await Agent.build({"name": "janitor"}, llm=llm, tools=[delete]) as agent:

        async def reply(question: QuestionAsked) -> None:
            answer = "no" if PRECIOUS in question.text else "yes"
            print(f"? {question.text} [{', '.join(question.choices)}] -> {answer}")
            agent.questions.answer(question.id, answer)

        agent.bus.on(QuestionAsked, lambda question: agent.host.spawn(reply(question)))
        with agent.questions.attached():
            print((await agent.run("Tidy up.")).text)


if __name__ == "__main__":
    script = [
        [("delete", {"name": "old.txt"}), ("delete", {"name": PRECIOUS})],
        f"I deleted old.txt and kept {PRECIOUS}.",
    ]
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ScriptedLLM(script)))
