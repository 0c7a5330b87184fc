"""What a tool returns, and what the model reads of it; what a tool raises; which tools block."""

import asyncio
import enum
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any

import pytest
from kt import Context, Media, Status, Text, Tool, ToolResult, Vetoed, tool
from kt.errors import NotFound, UsageError
from kt.events import Refused, ToolProgress
from kt.testing import EventRecorder, running
from pydantic import BaseModel

pytestmark = pytest.mark.anyio
PIXEL = Media("image/png", data=b"\x89PNG")


@dataclass
class Size:
    width: int
    height: int


class Page(BaseModel):
    number: int
    day: date


class Mood(enum.Enum):
    CALM = "calm"


async def returned(value: object) -> ToolResult:
    """Return what the model reads when a tool returns `value`."""

    def give() -> object:
        return value

    async with running([[("give", {})], "done"], tools=[give]) as agent:
        result = await agent.run("go")
        assert result.status is Status.ok
        part = agent.history[2].parts[0]
        assert isinstance(part, ToolResult)
        assert (part.call_id, part.name) == ("call_1", "give")
        return part


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain text", "plain text"),
        ("", ""),
        (None, ""),
        (42, "42"),
        (1.5, "1.5"),
        ({"a": [1, None, "é"]}, '{"a":[1,null,"é"]}'),
        (["a", 1], '["a",1]'),
        ([], "[]"),
        (("a", "b"), '["a","b"]'),
        (Size(3, 4), '{"width":3,"height":4}'),
        ([Size(3, 4)], '[{"width":3,"height":4}]'),
        (Page(number=1, day=date(2026, 1, 2)), '{"number":1,"day":"2026-01-02"}'),
        ({"page": Page(number=1, day=date(2026, 1, 2))}, '{"page":{"number":1,"day":"2026-01-02"}}'),
        (Mood.CALM, '"calm"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (b"hi", '"aGk="'),
    ],
)
async def test_a_value_is_text_or_json(value: object, text: str) -> None:
    result = await returned(value)
    assert [type(p) for p in result.parts] == [Text]
    assert result.text == text
    assert not result.is_error


@pytest.mark.parametrize("value", [True, False])
async def test_a_truth_value_is_json(value: bool) -> None:
    assert (await returned(value)).text == json.dumps(value)


async def test_media_stays_media() -> None:
    assert (await returned(PIXEL)).parts == [PIXEL]


async def test_a_list_of_parts_stays_one() -> None:
    parts = [Text("look:"), PIXEL]
    assert (await returned(parts)).parts == parts


async def test_a_result_keeps_its_error_mark_and_gets_the_calls_id() -> None:
    result = await returned(ToolResult("other", [Text("half done", origin="web")], is_error=True, name="odd"))
    assert (result.is_error, result.text, result.parts[0].origin) == (True, "half done", "web")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad value"), "ValueError: bad value"),
        (KeyError("k"), "KeyError: 'k'"),
        (NotFound("no file 'a'", hint="try b"), "no file 'a' (try b)"),
        (UsageError("no"), "no"),
        (Vetoed("outside"), "denied: outside"),
        (TimeoutError(), "TimeoutError: "),
    ],
)
async def test_what_a_tool_raises_is_what_the_model_reads(error: Exception, text: str) -> None:
    def fail() -> None:
        raise error

    async with running([[("fail", {})], "done"], tools=[fail]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        assert result.ok
        assert (result.tool_calls[0].error, result.tool_calls[0].result) == (text, None)
        assert len(events.of(Refused)) == isinstance(error, Vetoed)


async def test_an_awaitable_a_sync_function_returns_is_awaited() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return asyncio.ensure_future(function(*args, **kwargs))

        return wrapper

    @tool
    @logged
    async def greet(name: str) -> str:
        return f"hello {name}"

    async with running([[("greet", {"name": "Ann"})], "done"], tools=[greet]) as agent:
        result = await agent.run("go")
        assert result.tool_calls[0].result == "hello Ann"


async def test_taint_follows_the_origin_of_a_result() -> None:
    def fetch() -> Text:
        return Text("a page", origin="web")

    async with running([[("fetch", {})], "done"], tools=[fetch]) as agent:
        await agent.run("go")
        assert agent.taint == {"web"}


async def test_a_blocking_tool_runs_in_a_thread() -> None:
    def name() -> str:
        return threading.current_thread().name

    async with running([[("name", {})], "done"], tools=[Tool(name, blocking=True)]) as agent:
        result = await agent.run("go")
        assert result.tool_calls[0].result != threading.main_thread().name


async def test_progress_is_an_event_with_the_calls_id() -> None:
    @tool
    def work(ctx: Context[None]) -> str:
        ctx.progress("half", 0.5)
        return "done"

    async with running([[("work", {})], "done"], tools=[work]) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        assert events.of(ToolProgress) == [ToolProgress("call_1", "half", 0.5)]


async def test_a_record_has_arguments_and_duration() -> None:

    def slow() -> None:
        time.sleep(0.06)

    async with running([[("slow", {})], "done"], tools=[slow]) as agent:
        result = await agent.run("go")
        (record,) = result.tool_calls
        assert (record.id, record.name, record.arguments) == ("call_1", "slow", {})
        assert 0.05 < record.duration <= result.duration
