"""A sub-agent's questions reach who can answer its parent's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kt import Agent, Context, tool
from kt.events import PluginFailed, QuestionAsked
from kt.testing import EventRecorder

pytestmark = pytest.mark.anyio


@tool(name="ask")
async def ask(ctx: Context[Any], what: str = "Which?") -> str:
    """Ask."""
    answer = await ctx.ask(what, ["left", "right"])
    return "nobody is there" if answer is None else f"they said {answer}"


@asynccontextmanager
async def surface(agent: Agent) -> AsyncIterator[AsyncIterator[QuestionAsked]]:
    """Be somebody who can be asked; yield the questions."""
    async with agent.bus.stream(QuestionAsked) as questions:
        with agent.questions.attached():
            yield questions


def helper(request: Any) -> Any:
    """Ask once, then say what came of it."""
    last = request.messages[-1]
    return last.parts[0].text if last.role == "tool" else [("ask", {"what": last.text})]


@pytest.mark.parametrize("waits", [True, False])
async def test_it_is_asked_at_the_parent_with_its_name(
    boss: Any, make_cast: Any, task: Any, sub: Any, waits: bool
) -> None:
    cast = make_cast(boss=[[task(wait=waits)], *["done"] * 2], helper=helper)
    async with boss(cast, sub("helper", tools=["ask"]), tools=[ask]) as agent:
        async with surface(agent) as questions:
            turn = asyncio.create_task(agent.run("go"))
            question = await anext(questions)
            assert (question.text, question.choices) == ("helper (s1): Look.", ["left", "right"])
            await agent.answer(question.id, "left", by="me")
            (await turn).unwrap()
        child = agent.plugin("subagents").find("s1")
        assert child.result.text == "they said left"


async def test_where_nobody_is_at_the_parent_it_is_a_denial(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task(wait=True), task(wait=True)], "done"], helper=helper)
    async with boss(cast, sub("helper", tools=["ask"]), tools=[ask]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
        assert [c.result for c in result.tool_calls] == ["[helper s1]\nnobody is there", "[helper s2]\nnobody is there"]
        assert recorder.of(QuestionAsked) == []


async def test_who_can_answer_later_does_not_hold_up_a_sub_agent(
    boss: Any, make_cast: Any, task: Any, sub: Any
) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=helper)
    async with boss(cast, sub("helper", tools=["ask"]), tools=[ask]) as agent:
        agent.questions.wait, recorder = True, EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
        assert result.tool_calls[0].result == "[helper s1]\nnobody is there"
        assert recorder.of(QuestionAsked) == []


async def test_questions_of_several_find_their_own_answers(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    calls = [task(prompt=f"Question {n}?", wait=True) for n in range(5)]
    cast = make_cast(boss=[calls, "done"], helper=helper)
    async with boss(cast, sub("helper", tools=["ask"]), tools=[ask]) as agent, surface(agent) as questions:
        turn = asyncio.create_task(agent.run("go"))
        for question in reversed([await anext(questions) for _ in range(5)]):
            await agent.answer(question.id, f"to {question.text.split()[-1]}")
        result = (await turn).unwrap()
    assert [str(c.result).split("\n")[1] for c in result.tool_calls] == [f"they said to {n}?" for n in range(5)]


async def test_a_surface_that_leaves_denies(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=[[("ask", {})], [("ask", {})], "fine"])
    async with boss(cast, sub("helper", tools=["ask"]), tools=[ask]) as agent:
        async with surface(agent) as questions:
            turn = asyncio.create_task(agent.run("go"))
            await anext(questions)
        (await turn).unwrap()
        child = agent.plugin("subagents").find("s1")
        assert [c.result for c in child.result.tool_calls] == ["nobody is there", "nobody is there"]


async def test_the_question_of_one_that_is_cancelled_is_taken_back(
    boss: Any, make_cast: Any, task: Any, sub: Any
) -> None:
    cast = make_cast(boss=[[task(wait=True)]], helper=helper)
    async with boss(cast, sub("helper", tools=["ask"]), tools=[ask]) as agent, surface(agent) as questions:
        turn = asyncio.create_task(agent.run("go"))
        await anext(questions)
        agent.interrupt()
        await turn
        for _ in range(10):
            await asyncio.sleep(0)
        assert agent.questions.pending == []


async def test_one_that_asks_while_its_parent_stops_is_left_unattached(
    boss: Any, make_cast: Any, task: Any, sub: Any
) -> None:
    cast = make_cast(boss=[[task()], "It asks."], helper=helper)
    async with boss(cast, sub("helper", tools=["ask"]), tools=[ask]) as agent:
        recorder = EventRecorder(agent)
        async with surface(agent) as questions:
            turn = asyncio.create_task(agent.run("go"))
            await anext(questions)
            child = agent.plugin("subagents").find("s1").agent
            await agent.stop()
            assert (await turn).status in ("cancelled", "ok")
            for _ in range(10):
                await asyncio.sleep(0)
    assert (child.questions.surfaces, child.questions.pending) == (0, [])
    assert recorder.of(PluginFailed) == []


async def test_a_question_goes_all_the_way_up(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task("lead", wait=True)], "done"], lead=[[task("helper", wait=True)], "led"], helper=helper)
    lead = sub("lead", subagents=[sub("helper", tools=["ask"])], tools=["ask"])
    async with boss(cast, lead, tools=[ask]) as agent, surface(agent) as questions:
        turn = asyncio.create_task(agent.run("go"))
        question = await anext(questions)
        assert question.text == "lead (s1): helper (s1): Look."
        await agent.answer(question.id, "right")
        (await turn).unwrap()
    assert cast.requests("lead")[-1].messages[-1].parts[0].text == "[helper s1]\nthey said right"


@tool(effect="once")
def change() -> str:
    """Change something."""
    return "changed"


async def test_a_guards_question_is_asked_and_a_no_is_a_no(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=[[("change", {})], [("change", {})], "fine"])
    guard = {"permissions": {"ask": ["change"]}}
    async with boss(
        cast, sub("helper", tools=["change"]), tools=[change], plugins=[guard], guards=["permissions"]
    ) as agent:
        async with surface(agent) as questions:
            turn = asyncio.create_task(agent.run("go"))
            question = await anext(questions)
            assert question.text.startswith("helper (s1): Allow change?")
            assert question.topic == "approval"
            await agent.answer(question.id, "yes")
            await agent.answer((await anext(questions)).id, "no")
            (await turn).unwrap()
        calls = agent.plugin("subagents").find("s1").result.tool_calls
    assert (calls[0].result, calls[1].error) == ("changed", "denied: the user said no to change")
