"""A model that plays every agent of a test by its own script, and the creatures that go with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from kt import Agent, Message, Request, ToolResult, tool
from kt.testing import ScriptedLLM, running


class Cast:
    """Play each agent by the script of the name in its prompt, "You are NAME."; `scripts` has what each was sent."""

    model = "cast"

    def __init__(self, **scripts: Any) -> None:
        self.scripts = {name: ScriptedLLM(steps) for name, steps in scripts.items()}

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        name = request.system.removeprefix("You are ").partition(".")[0]
        async for item in self.scripts[name].stream(request):
            yield item

    def requests(self, name: str) -> list[Request]:
        return self.scripts[name].requests


class Gate:
    """A tool that runs until the test opens it."""

    def __init__(self) -> None:
        self.began, self.open, self.gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

        @tool(name="wait")
        async def wait() -> str:
            """Wait."""
            self.began.set()
            try:
                await self.open.wait()
            finally:
                self.gone.set()
            return "waited"

        self.tool = wait


@pytest.fixture
def make_cast() -> Callable[..., Cast]:
    return Cast


@pytest.fixture
def gate() -> Gate:
    return Gate()


def said(message: Message) -> str:
    """Return what a message tells the model, results included."""
    return "".join(p.text for p in message.parts if isinstance(p, ToolResult)) or message.text


@pytest.fixture
def read_by() -> Callable[[Message], str]:
    return said


def named(name: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "description": f"It is {name}.", "prompt": f"You are {name}.", **said}


@pytest.fixture
def sub() -> Callable[..., dict[str, Any]]:
    """Return what makes the table of a sub-agent."""
    return named


def work(agent: str = "helper", prompt: str = "Look.", **more: Any) -> tuple[str, dict[str, Any]]:
    return "task", {"agent": agent, "prompt": prompt, **more}


@pytest.fixture
def task() -> Callable[..., tuple[str, dict[str, Any]]]:
    """Return what makes a call of the tool `task`."""
    return work


@pytest.fixture
def boss() -> Callable[..., AbstractAsyncContextManager[Agent]]:
    """Return what runs the agent that has sub-agents: the cast, then what `running` takes."""

    def start(cast: Any, *subagents: Any, **options: Any) -> AbstractAsyncContextManager[Agent]:
        return running(cast, creature=named("boss"), subagents=subagents or [named("helper")], **options)

    return start
