"""todo and ask_user."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kt import Agent, ToolRecord
from kt.events import QuestionAsked
from kt.testing import running
from kt_builtin_tools.plan import Item, items_of

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]


async def test_todo_replaces_the_list_and_shows_it(tmp_path: Path) -> None:
    first = [{"text": "look"}, {"text": "mend ✓", "status": "active"}, {"text": "test", "status": "done"}]
    steps = [[("todo", {"items": first})], [("todo", {"items": [{"text": "rest"}]})], "done"]
    async with running(steps, tools=["todo"], pwd=tmp_path) as agent, running(pwd=tmp_path) as other:
        result = await agent.run("go")
        assert items_of(agent) == [Item("rest", "pending")]
        assert items_of(other) == []
    assert [c.result for c in result.tool_calls] == ["[ ] look\n[>] mend ✓\n[x] test", "[ ] rest"]


async def test_todo_takes_an_empty_list(play: Play) -> None:
    (done,) = await play(("todo", {"items": []}))
    assert done.result == "(the list is empty)"


@pytest.mark.parametrize("items", [[{"text": "x", "status": "later"}], [{"status": "done"}], ["x"], {"text": "x"}])
async def test_todo_refuses_other_items(play: Play, items: object) -> None:
    (done,) = await play(("todo", {"items": items}))
    assert done.error is not None
    assert done.error.startswith("invalid arguments: items")


@asynccontextmanager
async def answering(agent: Agent, answer: str) -> AsyncIterator[list[QuestionAsked]]:
    """Be a surface that gives the same answer to every question."""
    asked: list[QuestionAsked] = []

    def listen(question: QuestionAsked) -> None:
        asked.append(question)
        agent.host.spawn(reply(question.id))

    async def reply(id: str) -> None:
        await agent.answer(id, answer)

    off = agent.bus.on(QuestionAsked, listen)
    with agent.questions.attached():
        yield asked
    off()


async def test_ask_user_brings_the_answer(tmp_path: Path) -> None:
    steps = [[("ask_user", {"question": "Which?", "choices": ["a", "b"]})], "done"]
    async with running(steps, tools=["ask_user"], pwd=tmp_path) as agent, answering(agent, "b") as asked:
        result = await agent.run("go")
    assert result.tool_calls[0].result == "b"
    assert [(q.text, q.choices, q.topic) for q in asked] == [("Which?", ["a", "b"], "input")]


async def test_ask_user_says_when_nobody_is_there(play: Play) -> None:
    (done,) = await play(("ask_user", {"question": "Which?"}))
    assert done.result is not None
    assert done.result.startswith("Nobody can answer now.")


async def test_a_question_may_be_answered_after_the_turn(tmp_path: Path) -> None:
    async with running([[("ask_user", {"question": "Which?"})], "done"], tools=["ask_user"], pwd=tmp_path) as agent:
        agent.questions.wait = True
        waiting = await agent.run("go")
        assert waiting.status == "waiting"
        result = await agent.answer(waiting.pending[0].id, "this one")
    assert result is not None
    assert result.ok
    assert result.tool_calls[0].result == "this one"
