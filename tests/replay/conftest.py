"""Sessions of real agents with a scripted model, in a home of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import kt
import pytest
from kt import Agent, ToolCall, ToolResult, Vetoed, hookimpl
from kt.testing import ScriptedLLM

Next: TypeAlias = Callable[[ToolCall], Awaitable[ToolResult]]
RAN: list[str] = []
"""The tools that ran for real."""


@kt.tool(effect="read")
def look(where: str = "here") -> str:
    """Look at something."""
    RAN.append("look")
    return f"an owl at {where}"


@kt.tool
def fail() -> str:
    """Fail."""
    RAN.append("fail")
    raise ValueError("it is broken")


@kt.tool
def note(ctx: kt.Context[None], text: str) -> str:
    """Keep a note."""
    RAN.append("note")
    ctx.agent.state["notes"] = [*ctx.agent.state.get("notes", []), text]
    return "noted"


@kt.tool
async def name(ctx: kt.Context[None]) -> str:
    """Ask the user for a name."""
    RAN.append("name")
    return await ctx.ask("What is its name?") or "nobody said"


@kt.tool(background=True)
async def count(to: int) -> str:
    """Count, which takes a while."""
    RAN.append("count")
    await asyncio.sleep(0.02)
    return f"counted to {to}"


@kt.tool(parallel=False)
async def alone(n: int) -> int:
    """Do something that nothing may run beside."""
    RAN.append("alone")
    return n


@kt.tool
async def forever() -> str:
    """Never end."""
    RAN.append("forever")
    await asyncio.Event().wait()
    return "never"


TOOLS = [look, fail, note, name, count, alone, forever]


class NoOwls:
    """A guard that refuses to look at owls."""

    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> ToolResult:
        if (call.arguments or {}).get("where") == "the tree":
            raise Vetoed("owls want to be left alone")
        return await next(call)


class Recording:
    """Make sessions in a folder: `async with recording(steps) as agent`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "session.ktlog"

    @asynccontextmanager
    async def __call__(self, steps: Any, **options: Any) -> AsyncIterator[Agent]:
        llm = steps if hasattr(steps, "stream") else ScriptedLLM(steps)
        options.setdefault("tools", TOOLS)
        async with await Agent.build(
            options.pop("creature", {"name": "owler", "prompt": "Find owls."}),
            llm=llm,
            session=self.path,
            pwd=self.path.parent,
            **options,
        ) as agent:
            yield agent
        RAN.clear()

    @asynccontextmanager
    async def again(self, steps: Any, **options: Any) -> AsyncIterator[Agent]:
        """Go on with the session in a new agent."""
        async with await Agent.resume(self.path, llm=ScriptedLLM(steps), tools=TOOLS, **options) as agent:
            yield agent
        RAN.clear()


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    RAN.clear()
    return Recording(tmp_path)


@pytest.fixture
def ran() -> list[str]:
    return RAN


@pytest.fixture
def tools() -> list[Any]:
    return TOOLS


@pytest.fixture
def guard() -> type[NoOwls]:
    return NoOwls
