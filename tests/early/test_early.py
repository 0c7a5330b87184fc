"""When a call may start before its reply is complete, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import kt
import pytest
from kt.errors import ProviderDown
from kt.events import PluginFailed
from kt.testing import EventRecorder, running

pytestmark = pytest.mark.anyio


class Stream:
    """A provider whose replies are async generator functions, one a request."""

    model = "stream"

    def __init__(self, *replies: Callable[[kt.Request], AsyncIterator[Any]]) -> None:
        self._replies = list(replies)

    def stream(self, request: kt.Request) -> AsyncIterator[Any]:
        return self._replies.pop(0)(request)


async def done(request: kt.Request) -> AsyncIterator[Any]:
    yield "done"
    yield kt.Message("assistant", [kt.Text("done")], finish="stop")


def reply(*calls: kt.ToolCall) -> kt.Message:
    return kt.Message("assistant", list(calls), finish="tool_calls")


def results_of(history: list[kt.Message]) -> list[list[str]]:
    return [[r.call_id for r in m.parts if isinstance(r, kt.ToolResult)] for m in history if m.role == "tool"]


async def test_a_read_tool_starts_while_the_reply_still_streams() -> None:
    started = asyncio.Event()
    runs = 0

    @kt.tool(effect="read")
    async def look() -> str:
        nonlocal runs
        runs += 1
        started.set()
        return "seen"

    async def streaming(request: kt.Request) -> AsyncIterator[Any]:
        call = kt.ToolCall("c1", "look", "{}")
        yield call
        await started.wait()
        yield reply(call)

    async with running(Stream(streaming, done), tools=[look], plugins=["early"]) as agent:
        result = (await agent.run("go", timeout=10)).unwrap()
    assert runs == 1
    assert [(r.id, r.result) for r in result.tool_calls] == [("c1", "seen")]
    assert results_of(agent.history) == [[c.id for c in m.tool_calls] for m in agent.history if m.tool_calls]


@pytest.mark.parametrize(("effect", "parallel"), [("once", True), ("idempotent", True), ("read", False)])
async def test_other_tools_wait_for_the_whole_reply(effect: Any, parallel: bool) -> None:
    ran_early = []
    ended = False

    @kt.tool(effect=effect, parallel=parallel)
    async def look() -> None:
        ran_early.append(not ended)

    async def streaming(request: kt.Request) -> AsyncIterator[Any]:
        nonlocal ended
        call = kt.ToolCall("c1", "look", "{}")
        yield call
        for _ in range(5):
            await asyncio.sleep(0)
        ended = True
        yield reply(call)

    async with running(Stream(streaming, done), tools=[look], plugins=["early"]) as agent:
        (await agent.run("go")).unwrap()
    assert ran_early == [False]


def early_tool(started: asyncio.Event, dropped: asyncio.Event) -> kt.Tool:
    @kt.tool(effect="read")
    async def look(where: str = "") -> str:
        started.set()
        if where == "final":
            return "the final one"
        try:
            await asyncio.Event().wait()
        finally:
            dropped.set()
        return "never"

    return look


async def test_an_early_call_is_dropped_when_the_reply_fails() -> None:
    started, dropped = asyncio.Event(), asyncio.Event()

    async def failing(request: kt.Request) -> AsyncIterator[Any]:
        yield kt.ToolCall("c1", "look", "{}")
        await started.wait()
        raise ProviderDown("gone")

    async with running(Stream(failing, done), tools=[early_tool(started, dropped)], plugins=["early"]) as agent:
        result = await agent.run("go", timeout=10)
        await asyncio.wait_for(dropped.wait(), 10)
        assert (result.status, list(result.tool_calls)) == ("failed", [])
        assert [m.role for m in agent.history] == ["user"]
        assert (await agent.run("again")).unwrap().text == "done"


async def test_an_early_call_is_dropped_when_the_final_reply_has_other_arguments() -> None:
    started, dropped = asyncio.Event(), asyncio.Event()

    async def changing(request: kt.Request) -> AsyncIterator[Any]:
        yield kt.ToolCall("c1", "look", "{}")
        await started.wait()
        yield reply(kt.ToolCall("c1", "look", '{"where": "final"}'))

    async with running(Stream(changing, done), tools=[early_tool(started, dropped)], plugins=["early"]) as agent:
        result = (await agent.run("go", timeout=10)).unwrap()
        await asyncio.wait_for(dropped.wait(), 10)
    assert [(r.arguments, r.result) for r in result.tool_calls] == [({"where": "final"}, "the final one")]
    assert results_of(agent.history) == [[c.id for c in m.tool_calls] for m in agent.history if m.tool_calls]


async def test_an_early_call_is_dropped_when_the_final_reply_is_text() -> None:
    started, dropped = asyncio.Event(), asyncio.Event()

    async def changing(request: kt.Request) -> AsyncIterator[Any]:
        yield kt.ToolCall("c1", "look", "{}")
        await started.wait()
        yield kt.Message("assistant", [kt.Text("no call")], finish="stop")

    async with running(Stream(changing), tools=[early_tool(started, dropped)], plugins=["early"]) as agent:
        result = (await agent.run("go", timeout=10)).unwrap()
        await asyncio.wait_for(dropped.wait(), 10)
    assert (result.text, list(result.tool_calls)) == ("no call", [])


async def test_duplicate_ids_of_calls_that_start_early_run_once_each() -> None:
    texts: list[str] = []

    @kt.tool(effect="read")
    async def look(text: str) -> str:
        texts.append(text)
        return text

    async def streaming(request: kt.Request) -> AsyncIterator[Any]:
        calls = [kt.ToolCall("x", "look", '{"text": "a"}'), kt.ToolCall("x", "look", '{"text": "b"}')]
        for call in calls:
            yield call
            await asyncio.sleep(0)
        yield reply(*calls)

    async with running(Stream(streaming, done), tools=[look], plugins=["early"]) as agent:
        result = (await agent.run("go")).unwrap()
    assert sorted(texts) == ["a", "b"]
    assert [r.result for r in result.tool_calls] == ["a", "b"]
    assert results_of(agent.history) == [[c.id for c in m.tool_calls] for m in agent.history if m.tool_calls]


class EarlyAsk:
    """Stream a call that starts early and asks; then end the reply, or fail."""

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails

    async def stream(self, request: kt.Request) -> AsyncIterator[Any]:
        call = kt.ToolCall("c1", "look", "{}")
        yield call
        for _ in range(5):
            await asyncio.sleep(0)
        if self._fails:
            raise OSError("gone")
        yield kt.Message("assistant", [call], finish="tool_calls")


@kt.tool(effect="read")
async def look(ctx: kt.Context[None]) -> str:
    return str(await ctx.ask("may I look?"))


async def test_a_question_of_a_dropped_early_call_is_dropped() -> None:
    async with running(EarlyAsk(fails=True), tools=[look], plugins=["early"]) as agent:
        agent.questions.wait = True
        assert (await agent.run("go")).status == "failed"
        assert agent.questions.pending == []


async def test_an_early_call_that_waits_for_an_answer_is_no_plugin_failure() -> None:
    async with running(EarlyAsk(fails=False), tools=[look], plugins=["early"]) as agent:
        agent.questions.wait = True
        recorder = EventRecorder(agent)
        assert (await agent.run("go")).status == "waiting"
        assert recorder.of(PluginFailed) == []
