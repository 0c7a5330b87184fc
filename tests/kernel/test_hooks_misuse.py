"""Hooks that return, pass on or let out the wrong thing: the plugin is named, the agent stays usable."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from kt import Agent, Message, Request, Text, ToolCall, ToolResult, hookimpl, tool
from kt.errors import KTError, ModelError, PluginError
from kt.events import ToolStarted
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio
Next = Callable[[Any], Awaitable[Any]]
Check = Callable[[Sequence[Message]], None]


@tool(effect="idempotent")
def echo(text: str) -> str:
    return text


def scripted() -> ScriptedLLM:
    """A model that uses the tool in every turn and then answers."""
    return ScriptedLLM(lambda request: "done" if request.messages[-1].role == "tool" else [("echo", {"text": "a"})])


class ToolHook:
    """Does what its test says, once; from then on it is harmless."""

    def __init__(self, act: Callable[[ToolCall, Next], Awaitable[Any]]) -> None:
        self.act: Callable[[ToolCall, Next], Awaitable[Any]] | None = act

    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> Any:
        act, self.act = self.act, None
        return await (next(call) if act is None else act(call, next))


class LLMHook:
    def __init__(self, act: Callable[[Request, Next], Awaitable[Any]]) -> None:
        self.act: Callable[[Request, Next], Awaitable[Any]] | None = act

    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Any:
        act, self.act = self.act, None
        return await (next(request) if act is None else act(request, next))


async def blamed(plugin: object, valid: Check) -> KTError:
    """Return the error of the turn in which a plugin misbehaves; a turn after it must work."""
    async with running(scripted(), tools=[echo], plugins=[plugin]) as agent:
        result = await agent.run("go")
        assert result.status == "failed"
        assert result.error is not None
        assert agent.turn is None
        valid(agent.history)
        assert (await agent.run("again")).text == "done"
        return result.error


async def returns_text(x: Any, next: Next) -> Any:
    await next(x)
    return "just text"


async def passes_nothing_on(x: Any, next: Next) -> Any:
    return await next(None)


async def is_cancelled_by_itself(x: Any, next: Next) -> Any:
    task = asyncio.ensure_future(asyncio.sleep(0))
    task.cancel()
    await task


async def has_a_note(x: Any, next: Next) -> Any:
    error = ValueError("my own bug")
    error.add_note("see the manual")
    raise error


MISUSES = [returns_text, passes_nothing_on, is_cancelled_by_itself, has_a_note]


@pytest.mark.parametrize("misuse", MISUSES)
@pytest.mark.parametrize("hook", [ToolHook, LLMHook])
async def test_a_misuse_fails_the_turn_and_names_the_plugin(
    hook: type[ToolHook] | type[LLMHook], misuse: Callable[[Any, Next], Awaitable[Any]], valid: Check
) -> None:
    error = await blamed(hook(misuse), valid)
    assert isinstance(error, PluginError)
    assert hook.__name__ in str(error)


async def test_a_result_always_answers_the_call_it_was_made_for(valid: Check) -> None:
    async def renames(call: ToolCall, next: Next) -> ToolResult:
        result: ToolResult = replace(await next(call), call_id="another")
        return result

    async with running(scripted(), tools=[echo], plugins=[ToolHook(renames)]) as agent:
        result = await agent.run("go")
        assert [c.result for c in result.tool_calls] == ["a"]
        valid(agent.history)


async def test_next_after_the_turn_does_not_run_the_tool() -> None:
    kept: list[Any] = []

    async def keeps(call: ToolCall, next: Next) -> Any:
        kept.extend([call, next])
        return await next(call)

    async with running(scripted(), tools=[echo], plugins=[ToolHook(keeps)]) as agent:
        await agent.run("go")
        events = EventRecorder(agent)
        call, next = kept
        with pytest.raises(KTError):
            await next(call)
        assert events.of(ToolStarted) == []


async def test_next_in_a_task_of_its_own_works() -> None:
    async def in_a_task(call: ToolCall, next: Next) -> Any:
        async with asyncio.TaskGroup() as group:
            task: asyncio.Task[Any] = group.create_task(next(call))  # type: ignore[arg-type]
        return task.result()

    async with running(scripted(), tools=[echo], plugins=[ToolHook(in_a_task)]) as agent:
        assert [c.result for c in (await agent.run("go")).tool_calls] == ["a"]


async def test_a_call_may_be_sent_to_another_tool_under_its_own_id(valid: Check) -> None:
    @tool
    def shout(text: str) -> str:
        return text.upper()

    async def elsewhere(call: ToolCall, next: Next) -> Any:
        return await next(replace(call, name="shout"))

    async with running(scripted(), tools=[echo, shout], plugins=[ToolHook(elsewhere)]) as agent:
        assert [c.result for c in (await agent.run("go")).tool_calls] == ["A"]
        valid(agent.history)


class Judge:
    """A guard that asks another agent, as one with a model of its own would."""

    def __init__(self, judge: Agent) -> None:
        self.judge = judge

    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> Any:
        (await self.judge.run("may it?")).unwrap()
        return await next(call)


class Passes:
    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Any:
        return await next(request)


@pytest.mark.parametrize("plugins", [[], [Passes]])
async def test_a_guard_whose_own_agent_fails_is_a_denial(plugins: list[type]) -> None:
    async with (
        running([ModelError("no judge")], plugins=plugins) as judge,
        running(scripted(), tools=[echo], guards=[Judge(judge)]) as agent,
    ):
        result = await agent.run("go")
        assert result.ok
        assert str(result.tool_calls[0].error).startswith("denied: guard Judge failed")


async def test_a_plugin_that_catches_and_wraps_an_inner_error_answers_for_its_own() -> None:
    async def wraps(request: Request, next: Next) -> Any:
        try:
            return await next(request)
        except ModelError as error:
            raise RuntimeError("it broke") from error

    async with running([ModelError("down")], plugins=[LLMHook(wraps)]) as agent:
        result = await agent.run("go")
        assert str(result.error) == "RuntimeError: it broke (in plugin LLMHook)"


async def test_the_innermost_plugin_that_raised_is_the_one_named() -> None:
    class Outer:
        @hookimpl
        async def kt_around_llm_call(self, request: Request, next: Next) -> Any:
            return await next(request)

    async def breaks(request: Request, next: Next) -> Any:
        raise ValueError("my own bug")

    async with running(["hi"], plugins=[Outer, LLMHook(breaks), Passes]) as agent:
        assert str((await agent.run("go")).error) == "ValueError: my own bug (in plugin LLMHook)"


async def test_a_reply_with_calls_from_a_hook_is_run_like_the_models() -> None:
    async def makes_a_call(request: Request, next: Next) -> Any:
        return Message("assistant", [Text("let me"), ToolCall("own", "echo", '{"text": "mine"}')])

    async with running(scripted(), tools=[echo], plugins=[LLMHook(makes_a_call)]) as agent:
        result = await agent.run("go")
        assert [(c.id, c.result) for c in result.tool_calls] == [("own", "mine")]
