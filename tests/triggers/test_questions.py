"""A trigger does not close the question that an agent waits for."""

from pathlib import Path

import pytest
from kt import Agent, Context, Host, Status, tool
from kt.events import TurnEnded
from kt.testing import ScriptedLLM, VirtualClock, running

from .conftest import NOON, CountingClock, creature, quiet

pytestmark = pytest.mark.anyio
TIMER = {"name": "timer", "every": "1m", "prompt": "Tick."}


@tool
async def ask(ctx: Context) -> str:
    """Ask the user."""
    return str(await ctx.ask("May I?"))


async def test_it_waits_for_the_answer(host: Host, clock: CountingClock) -> None:
    llm = ScriptedLLM([[("ask", {})], "Thanks.", "Ticked."])
    async with running(llm, creature=creature(TIMER), tools=[ask], host=host) as agent:
        agent.questions.wait = True
        result = await agent.run("Go.")
        assert result.status is Status.waiting
        await clock.advance(180)
        assert not agent.has_input
        assert len(llm.requests) == 1
        answered = await agent.answer(result.pending[0].id, "yes")
        assert answered is not None
        assert answered.text == "Thanks."
        await quiet(agent)
        assert llm.requests[2].messages[-1].text == "Tick.\n\n[this came due 2 times more while it waited]"


async def test_what_was_sent_before_the_question_is_taken_back(host: Host, clock: CountingClock) -> None:
    async def slowly(request: object) -> list[tuple[str, dict[str, str]]]:
        await clock.advance(60)
        return [("ask", {})]

    llm = ScriptedLLM([slowly, "Thanks.", "Ticked."])
    async with running(llm, creature=creature(TIMER), tools=[ask], host=host) as agent:
        agent.questions.wait = True
        result = await agent.run("Go.")
        assert result.status is Status.waiting
        await quiet(agent)
        assert agent.questions.parked
        async with agent.bus.stream(TurnEnded) as ended:
            await agent.answer(result.pending[0].id, "yes")
            assert [(await anext(ended)).result.text for _ in range(2)] == ["Thanks.", "Ticked."]


async def test_a_resumed_question_is_not_closed_either(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.kt", VirtualClock(NOON)
    async with Host(clock=clock) as host:
        made = await Agent.build(
            creature({**TIMER, "id": "t"}), llm=ScriptedLLM([[("ask", {})]]), tools=[ask], host=host, session=str(path)
        )
        async with made as agent:
            agent.questions.wait = True
            question = (await agent.run("Go.")).pending[0]
    clock, llm = VirtualClock(NOON + 600), ScriptedLLM(["Thanks.", "Ticked."])
    async with Host(clock=clock) as host, await Agent.resume(path, llm=llm, tools=[ask], host=host) as agent:
        await clock.advance(60)
        assert [q.id for q in agent.questions.parked] == [question.id]
        assert llm.requests == []
        await agent.answer(question.id, "yes")
        await quiet(agent)
        assert "missed" in llm.requests[1].messages[-1].text
