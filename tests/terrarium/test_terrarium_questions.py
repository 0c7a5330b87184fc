"""What a creature of a team asks, its user is asked at the root."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kt import Context, Terrarium, tool
from kt.events import QuestionAsked
from kt.testing import ScriptedLLM

pytestmark = pytest.mark.anyio


@tool
async def decide(ctx: Context[object]) -> str:
    """Ask the user."""
    return str(await ctx.ask("Left or right?", ["left", "right"]))


def asks(request: Any) -> Any:
    last = request.messages[-1]
    return f"took {last.parts[0].text}" if last.role == "tool" else [("decide", {})]


TEAM = {
    "name": "fork",
    "root": "lead",
    "creatures": [
        {"name": "lead", "prompt": "You lead.", "output_wiring": ["scout"]},
        {"name": "scout", "prompt": "You scout."},
    ],
}


async def team(tmp_path: Path) -> Terrarium:
    def answer(request: Any) -> Any:
        return asks(request) if request.system.startswith("You scout") else "go on"

    return await Terrarium.from_recipe(TEAM, llm=ScriptedLLM(answer), pwd=tmp_path, tools=[decide])


async def test_a_question_of_a_creature_is_answered_at_the_root(tmp_path: Path) -> None:
    async with await team(tmp_path) as engine:
        lead, scout = engine.member("lead").agent, engine.member("scout").agent
        with lead.questions.attached():
            async with lead.bus.stream(QuestionAsked) as asked:
                run = asyncio.create_task(engine.run("where to?"))
                question = await anext(asked)
                assert isinstance(question, QuestionAsked)
                assert (question.text, question.choices) == ("scout: Left or right?", ["left", "right"])
                await lead.answer(question.id, "left")
            await run
        await engine.quiet()
        assert scout.history[-1].text == "took left"


async def test_where_nobody_can_be_asked_it_is_a_denial(tmp_path: Path) -> None:
    async with await team(tmp_path) as engine:
        await engine.run("where to?")
        await engine.quiet()
        assert engine.member("scout").agent.history[-1].text == "took None"
        assert engine.member("scout").agent.questions.pending == []
