"""kt_around_tool_call: one form of interception, five uses."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import pytest
from kt import Agent, Text, ToolCall, ToolResult, Vetoed, hookimpl, tool
from kt.errors import KTError, PluginError
from kt.events import Refused, ToolEnded, ToolStarted
from kt.testing import EventRecorder, running

pytestmark = pytest.mark.anyio
Next = Callable[[ToolCall], Awaitable[ToolResult]]
USE = [("echo", {"text": "hello"})]


@tool(effect="idempotent")
def echo(text: str) -> str:
    return f"echo {text}"


def result_seen_by_model(agent: Agent) -> ToolResult:
    part = next(m for m in agent.history if m.role == "tool").parts[0]
    assert isinstance(part, ToolResult)
    return part


class Refuses:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        raise Vetoed(f"{call.name} is not for you")


async def test_vetoed_keeps_the_tool_from_running_and_the_model_reads_why() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Refuses]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        assert result.ok
        assert result.tool_calls[0].error == "denied: echo is not for you"
        assert result_seen_by_model(agent).is_error
        assert events.of(ToolStarted) == []
        assert [e.why for e in events.of(Refused)] == ["echo is not for you"]


async def test_refused_names_the_plugin_that_refused() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Refuses]) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        assert [e.by for e in events.of(Refused)] == ["Refuses"]


class Answers:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall) -> ToolResult:
        return ToolResult(call.id, [Text("from the cache")], name=call.name)


async def test_a_result_without_next_stands_for_the_tools() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Answers]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        assert result.tool_calls[0].result == result_seen_by_model(agent).text == "from the cache"
        assert events.of(ToolStarted) == []


class Shouts:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        return await next(replace(call, arguments={"text": "HELLO"}))


async def test_changed_arguments_reach_the_tool() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Shouts]) as agent:
        result = await agent.run("go")
        assert result.tool_calls[0].result == "echo HELLO"
        assert agent.history[1].tool_calls[0].args_text == '{"text": "hello"}', "the model's own words stay"


class Spoils:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        return await next(replace(call, arguments={"txt": "hello"}))


async def test_changed_arguments_are_validated_again() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Spoils]) as agent:
        result = await agent.run("go")
        assert str(result.tool_calls[0].error).startswith("a plugin made the arguments invalid: ")


class Replaces:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        result = await next(call)
        return replace(result, parts=[Text(result.text.replace("hello", "[redacted]"))])


async def test_a_replaced_result_is_what_the_model_reads() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Replaces]) as agent:
        result = await agent.run("go")
        assert result.tool_calls[0].result == result_seen_by_model(agent).text == "echo [redacted]"


class Retries:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        result = await next(call)
        return await next(call) if result.is_error else result


async def test_next_again_runs_an_idempotent_tool_again() -> None:
    runs: list[int] = []

    @tool(effect="idempotent")
    def flaky() -> str:
        runs.append(1)
        if len(runs) == 1:
            raise OSError("the line broke")
        return "fine"

    async with running([[("flaky", {})], "done"], tools=[flaky], plugins=[Retries]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        assert [c.result for c in result.tool_calls] == ["fine"]
        assert [e.attempt for e in events.of(ToolStarted)] == [1, 2]
        assert [e.result.is_error for e in events.of(ToolEnded)] == [True, False]


async def test_next_again_on_a_started_once_call_raises() -> None:
    runs = []

    @tool(effect="once")
    def pay() -> str:
        runs.append(1)
        raise OSError("the line broke")

    async with running([[("pay", {})], "done"], tools=[pay], plugins=[Retries]) as agent:
        result = await agent.run("go")
        assert len(runs) == 1
        assert result.status == "failed"
        assert "may run once and already started" in str(result.error)
        with pytest.raises(KTError, match="may run once"):
            result.unwrap()


class TimesOut:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        with anyio.move_on_after(0.01):
            return await next(call)
        return ToolResult(call.id, [Text("too slow")], is_error=True, name=call.name)


async def test_a_timeout_around_next_cancels_the_tool() -> None:
    cancelled = asyncio.Event()

    @tool
    async def sleepy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with running([[("sleepy", {})], "done"], tools=[sleepy], plugins=[TimesOut]) as agent:
        result = await agent.run("go")
        assert cancelled.is_set()
        assert result.ok
        assert result.tool_calls[0].error == "too slow"


class Breaks:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        raise ValueError("my own bug")


async def test_a_plugins_exception_fails_the_turn_and_names_the_plugin() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Breaks]) as agent:
        result = await agent.run("go")
        assert isinstance(result.error, PluginError)
        assert str(result.error) == "ValueError: my own bug (in plugin Breaks)"
        assert isinstance(result.error.__cause__, ValueError)


class Forgets:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        await next(call)  # and forgets to return the result
        return None  # type: ignore[return-value]


async def test_a_hook_that_returns_nothing_is_the_plugins_fault() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Forgets]) as agent:
        result = await agent.run("go")
        assert isinstance(result.error, PluginError)
        assert "Forgets" in str(result.error)


class Invents:
    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        return await next(ToolCall("other", call.name, call.args_text, {"text": "made up"}))


async def test_a_call_that_no_model_asked_for_does_not_run() -> None:
    async with running([USE, "done"], tools=[echo], plugins=[Invents]) as agent:
        result = await agent.run("go")
        assert result.status == "failed"
        assert "a plugin made up the call 'echo'" in str(result.error)


async def test_each_of_several_parallel_calls_passes_the_hook() -> None:
    async with running([[*USE, ("echo", {"text": "hello 2"})], "done"], tools=[echo], plugins=[Replaces]) as agent:
        result = await agent.run("go")
        assert [c.result for c in result.tool_calls] == ["echo [redacted]", "echo [redacted] 2"]
