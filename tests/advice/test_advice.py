"""Advice about tools that block the loop."""

import threading
import time

import pytest
from kt import Tool
from kt.events import Advice
from kt.testing import EventRecorder, running

pytestmark = pytest.mark.anyio


def slow() -> str:
    time.sleep(0.06)
    return threading.current_thread().name


async def test_a_sync_tool_that_blocks_gets_advice_once() -> None:
    async with running([[("slow", {})] * 2, "done"], tools=[slow], plugins=["advice"]) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        (advice,) = events.of(Advice)
        assert advice.text.startswith("tool 'slow' blocked the loop for ")
        assert advice.text.endswith(": use @tool(blocking=True)")


async def test_a_blocking_tool_runs_in_a_thread_without_advice() -> None:
    async with running([[("slow", {})], "done"], tools=[Tool(slow, blocking=True)], plugins=["advice"]) as agent:
        events = EventRecorder(agent)
        result = await agent.run("go")
        assert result.tool_calls[0].result != threading.main_thread().name
        assert events.of(Advice) == []
