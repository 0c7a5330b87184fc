"""Our side: a bare agent, and one with a guard and two hooks around every call."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from kt import Agent, Host, Message, Request, Text, ToolCall, hookimpl, tool
from kt.events import TextDelta
from script import Script, Step, add

ADD = tool(add)


class Replies:
    """A model that costs as little as it can: an async iterator for one piece of text, a generator for many."""

    model = "bench"

    def __init__(self, script: Script) -> None:
        self.script = script

    def stream(self, request: Request) -> Any:
        step = self.script.next()
        return Reply(step) if len(step.deltas) < 2 else many(step)


async def many(step: Step) -> AsyncIterator[Any]:
    for delta in step.deltas:
        yield delta
    yield message_of(step)


class Reply:
    """One reply as an async iterator of deltas and the final message."""

    __slots__ = ("items", "sleep")

    def __init__(self, step: Step) -> None:
        self.sleep = step.sleep
        self.items: Iterator[Any] = iter([*step.deltas, message_of(step)])

    def __aiter__(self) -> "Reply":
        return self

    async def __anext__(self) -> Any:
        if self.sleep:
            await asyncio.sleep(self.sleep)
            self.sleep = 0.0
        for item in self.items:
            return item
        raise StopAsyncIteration


def message_of(step: Step) -> Message:
    if step.calls:
        return Message("assistant", [ToolCall(i, n, a) for i, n, a in step.make_calls()], finish="tool_calls")
    return Message("assistant", [Text("".join(step.deltas))], finish="stop")


class Pass:
    """A plugin that wraps everything and changes nothing."""

    @hookimpl
    async def kt_around_llm_call(self, request: Any, next: Any) -> Any:
        return await next(request)

    @hookimpl
    async def kt_around_tool_call(self, call: Any, next: Any) -> Any:
        return await next(call)


async def build(script: Script, *, host: Host | None = None, **options: Any) -> Agent:
    creature = {"name": "bench", "prompt": "You are a test agent."}
    agent: Agent = await Agent.build(creature, llm=Replies(script), tools=[ADD], host=host, **options)
    await agent.start()
    return agent


async def build_guarded(script: Script) -> Agent:
    return await build(script, plugins=[Pass(), Pass()], guards=[Pass()])


async def turn(agent: Agent, text: str) -> str:
    return (await agent.run(text)).text


async def stream(agent: Agent, text: str) -> AsyncIterator[str]:
    async for event in agent.run_stream(text):
        if event.__class__ is TextDelta:
            yield event.text


async def close(agent: Agent) -> None:
    await agent.stop()
