"""Calls that start while the reply streams: told in order, cancelled for good, and with hooks around them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from kt import Context, Message, Request, Text, ToolCall, ToolResult, Vetoed, hookimpl, tool
from kt.errors import PluginError
from kt.events import LLMEnded, PluginFailed, ToolEnded, ToolStarted, TurnEnded
from kt.testing import EventRecorder, running

pytestmark = pytest.mark.anyio
EARLY = ["early"]
Next = Callable[[ToolCall], Awaitable[ToolResult]]


class Streams:
    """A model that streams the given items, waiting where one is an Event; then it answers "done"."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        items, self.items = self.items, [Message("assistant", [Text("done")])]
        for item in items:
            if isinstance(item, asyncio.Event):
                await item.wait()
            elif isinstance(item, Exception):
                raise item
            else:
                yield item


class Look:
    """A read tool that says when it started and ended, and takes its time to clean up."""

    def __init__(self) -> None:
        self.started, self.ended = asyncio.Event(), asyncio.Event()

    @property
    def tool(self) -> Any:
        @tool(effect="read")
        async def look() -> str:
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(3):
                    await asyncio.sleep(0)
                self.ended.set()
            return "never"

        return look


def call(id: str = "c1", name: str = "look", args: str = "{}") -> ToolCall:
    return ToolCall(id, name, args)


async def test_a_dropped_early_call_has_ended_when_the_turn_has() -> None:
    look = Look()
    async with running(
        Streams(call(), look.started, ConnectionError("reset")), tools=[look.tool], plugins=EARLY
    ) as agent:
        result = await agent.run("go")
        assert result.status == "failed"
        assert look.started.is_set()
        assert look.ended.is_set()


async def test_no_event_of_a_turn_comes_after_turn_ended() -> None:
    look = Look()
    async with running(
        Streams(call(), look.started, ConnectionError("reset")), tools=[look.tool], plugins=EARLY
    ) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        await look.ended.wait()
        await asyncio.sleep(0)
        told = [type(e) for e in events.events]
        assert told.count(ToolStarted) == told.count(ToolEnded) == 1
        assert told[-1] is TurnEnded


async def test_every_started_call_is_told_to_have_ended() -> None:
    look = Look()
    async with running(
        Streams(call(), look.started, ConnectionError("reset")), tools=[look.tool], plugins=EARLY
    ) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        await look.ended.wait()
        await asyncio.sleep(0)
        assert [e.call.id for e in events.of(ToolEnded)] == [e.call.id for e in events.of(ToolStarted)] == ["c1"]


async def test_the_history_has_the_parsed_arguments_of_an_early_call() -> None:
    @tool(effect="read")
    def look(at: str) -> str:
        return at

    items = [call(args='{"at": "x"}'), Message("assistant", [call(args='{"at": "x"}')])]
    async with running(Streams(*items), tools=[look], plugins=EARLY) as agent:
        result = await agent.run("go")
        assert result.tool_calls[0].result == "x"
        assert agent.history[1].tool_calls[0].arguments == {"at": "x"}


class Waits:
    """A guard that asks."""

    @hookimpl
    async def kt_around_tool_call(self, agent: Any, call: ToolCall, next: Next) -> ToolResult:
        if await Context(agent, call).ask("may I look?") != "yes":
            raise Vetoed("not allowed")
        return await next(call)


async def test_an_early_call_that_waits_for_an_answer_is_no_failure_of_a_plugin() -> None:
    @tool(effect="read")
    def look() -> str:
        return "seen"

    async with running(
        Streams(call(), Message("assistant", [call()])), tools=[look], plugins=EARLY, guards=[Waits]
    ) as agent:
        agent.questions.wait = True
        events = EventRecorder(agent)
        waiting = await agent.run("go")
        assert waiting.status == "waiting"
        assert events.of(PluginFailed) == []
        result = await agent.answer(waiting.pending[0].id, "yes")
        assert result is not None
        assert [c.result for c in result.tool_calls] == ["seen"]


class Breaks:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        raise ValueError("my own bug")


async def test_a_hook_that_breaks_on_an_early_call_fails_the_turn_by_name() -> None:
    @tool(effect="read")
    def look() -> str:
        return "seen"

    async with running(
        Streams(call(), Message("assistant", [call()])), tools=[look], plugins=[*EARLY, Breaks]
    ) as agent:
        result = await agent.run("go")
        assert isinstance(result.error, PluginError)
        assert str(result.error) == "ValueError: my own bug (in plugin Breaks)"


async def test_early_calls_run_beside_each_other_and_keep_call_order() -> None:
    both = asyncio.Event()
    order = []

    @tool(effect="read")
    async def look(at: str) -> str:
        if at == "b":
            both.set()
        await both.wait()
        order.append(at)
        return at

    calls = [call("1", args='{"at": "a"}'), call("2", args='{"at": "b"}')]
    async with running(Streams(*calls, both, Message("assistant", list(calls))), tools=[look], plugins=EARLY) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        assert [c.result for c in result.tool_calls] == ["a", "b"]
        assert events.kinds.index(ToolStarted.kind) < events.kinds.index(LLMEnded.kind)
        assert sorted(order) == ["a", "b"]
