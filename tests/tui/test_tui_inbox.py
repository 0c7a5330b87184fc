"""Questions on the full screen: all are listed, each can be answered, a change is seen before it is made."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Context, Registry, ToolCall, ToolResult, hookimpl, tool
from kt.events import QuestionAsked

from .conftest import Talk

pytestmark = pytest.mark.anyio


class Asks:
    """A plugin that asks before each call, as a guard does."""

    name = "asks"

    @hookimpl
    async def kt_around_tool_call(self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Any]) -> ToolResult:
        question = QuestionAsked("", f"Allow {call.name}?", ["yes", "no"], "approval", call.id, call.arguments)
        answer = await agent.ask(question)
        if answer != "yes":
            return ToolResult(call.id, [], is_error=True, name=call.name)
        result: ToolResult = await next(call)
        return result


@tool
def put(ctx: Context[object], path: str, text: str, fail: bool = False) -> str:
    """Write a file."""
    (ctx.agent.pwd / path).write_text(text)
    return "written"


@tool
async def both(ctx: Context[object], what: str) -> str:
    """Ask something."""
    answer = await ctx.agent.ask(QuestionAsked("", f"Which {what}?", [], "input"))
    return f"{what} is {answer}"


def preview(data: dict[str, Any], text: Callable[[str], str | None]) -> Iterator[tuple[str, str | None, str | None]]:
    """Tell what the tool `put` would do."""
    if data.get("fail"):
        raise RuntimeError("no such luck")
    yield data["path"], text(data["path"]), data["text"]


def register(registry: Registry) -> None:
    registry.add("preview", "put", f"{__name__}:preview", help="what put would do")


PUT = [("put", {"path": "a.txt", "text": "one\nTWO\n[b]three"})]


async def test_an_approval_shows_the_change_and_its_number_is_an_answer(talk: Talk, folder: Path) -> None:
    (folder / "a.txt").write_text("one\ntwo\n")
    async with talk([PUT, "Done."], tools=[put], plugins=[Asks()], register=register) as me:
        await me.type("go", "enter")
        await me.sees("Allow put?", "edited a.txt +2 -1", "2 - two", "2 + TWO", "3 + [b]three", "1. yes", "2. no")
        assert (folder / "a.txt").read_text() == "one\ntwo\n"
        await me.type("1", "enter")
        await me.sees("Done.", "? Allow put? -> yes", "* put")
        assert (folder / "a.txt").read_text() == "one\nTWO\n[b]three"
        assert me.app.focused is me.app.prompt


@pytest.mark.parametrize("keys", [["escape"], ["down", "enter"], ["2", "enter"]])
async def test_a_no(talk: Talk, folder: Path, keys: list[str]) -> None:
    async with talk([PUT, "Too bad."], tools=[put], plugins=[Asks()]) as me:
        await me.type("go", "enter")
        await me.sees("Allow put?", "path: a.txt", "text: one")
        await me.press(*keys)
        await me.sees("Too bad.", "-> no")
        assert not (folder / "a.txt").exists()


async def test_a_preview_that_fails_leaves_the_question(talk: Talk, folder: Path) -> None:
    steps = [[("put", {"path": "gone/a.txt", "text": "x", "fail": True})], "Done."]
    async with talk(steps, tools=[put], plugins=[Asks()], register=register) as me:
        await me.type("go", "enter")
        await me.sees("the preview failed: no such luck", "path: gone/a.txt", "1. yes")


async def test_several_questions_are_answered_in_any_order(talk: Talk) -> None:
    calls = [("both", {"what": "fruit"}), ("both", {"what": "colour"})]
    async with talk([calls, "Thanks."], tools=[both]) as me:
        await me.type("go", "enter")
        await me.sees("1. Which fruit?", "2. Which colour?", "ctrl-n: the next of 2")
        await me.press("ctrl+n")
        await me.type("green", "enter")
        await me.sees("-> green")
        assert [q.text for q in me.app.chat.questions] == ["Which fruit?"]
        await me.type("apple", "enter")
        await me.sees("-> apple", "Thanks.")
        results = [part.text for part in me.agent.history[2].parts if isinstance(part, ToolResult)]
        results += [part.text for part in me.agent.history[3].parts if isinstance(part, ToolResult)]
        assert results == ["fruit is apple", "colour is green"]


async def test_who_types_a_message_does_not_answer_with_it(talk: Talk, folder: Path) -> None:
    go = asyncio.Event()

    async def slow(request: Any) -> Any:
        await go.wait()
        return PUT

    async with talk([slow, "Done."], tools=[put], plugins=[Asks()]) as me:
        await me.type("go", "enter")
        await me.type("and also")
        go.set()
        await me.sees("Allow put?")
        await me.type(" this", "enter")
        await me.sees("[joins the turn] and also this")
        assert len(me.app.chat.questions) == 1
        await me.press("shift+tab")
        await me.until(lambda: me.app.focused is me.app.inbox.reply)
        await me.press("enter")
        await me.sees("Done.", "> and also this  [joined the turn]")


async def test_a_change_gets_the_whole_screen(talk: Talk, folder: Path) -> None:
    text = "\n".join(f"row {n}" for n in range(60))
    steps = [[("put", {"path": "a.txt", "text": text})], "Done."]
    async with talk(steps, tools=[put], plugins=[Asks()], register=register) as me:
        await me.type("go", "enter")
        await me.sees("created a.txt +60 -0", "row 5")
        assert "row 12" not in me.text
        await me.press("ctrl+o")
        await me.sees("row 12")
        await me.press("pagedown", "pagedown", "pagedown", "pagedown")
        await me.sees("row 59")


async def test_it_can_be_answered_at_40_columns_and_15_rows(talk: Talk, folder: Path) -> None:
    async with talk([PUT, "Done."], tools=[put], plugins=[Asks()], register=register, size=(40, 15)) as me:
        await me.type("go", "enter")
        await me.sees("Allow put?", "created a.txt", "1. yes", "2. no")
        await me.press("enter")
        await me.sees("Done.")
