"""An agent that stops leaves no task, no port and no listener; one that waits costs one sleep."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from kt import Agent, Host
from kt.events import Event
from kt.testing import running

from .conftest import CountingClock, Talk, creature, quiet
from .webhook_client import address, begun

pytestmark = pytest.mark.anyio
ALL = [
    {"name": "timer", "every": 60, "prompt": "x"},
    {"name": "cron", "schedule": "@daily", "prompt": "x"},
    {"name": "at", "time": "2030-01-01T00:00", "prompt": "x"},
    {"name": "watch", "paths": ["*"], "prompt": "x"},
    {"name": "webhook", "id": "ci", "prompt": "x"},
    {"name": "idle", "after": "1h", "prompt": "x"},
    {"name": "startup", "prompt": "x"},
]


async def test_nothing_is_left(host: Host, talk: Talk, tmp_path: Path, clock: CountingClock) -> None:
    before = asyncio.all_tasks()
    agent = await Agent.build(creature(*ALL), llm=talk, host=host, pwd=tmp_path)
    for _ in range(2):
        async with agent:
            await begun(agent)
            await clock.advance(60)
            await quiet(agent)
            port, _ = address(agent)
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
        assert asyncio.all_tasks() == before
        assert not agent.bus.listeners(Event)
        assert not agent.has_input
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_start_that_fails_leaves_nothing(host: Host, talk: Talk, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    broken = {"name": "cron", "schedule": "never", "prompt": "x"}
    agent = await Agent.build(creature(*ALL, broken), llm=talk, host=host, pwd=tmp_path)
    with pytest.raises(Exception, match="five fields"):
        await agent.start()
    assert asyncio.all_tasks() == before
    assert agent.state["webhooks"] == {}


async def test_a_thousand_agents_that_wait_sleep_once_each(host: Host, clock: CountingClock) -> None:
    cron = creature({"name": "cron", "schedule": "0 18 * * *", "prompt": "x", "timezone": "UTC"})
    before = len(asyncio.all_tasks())
    async with AsyncExitStack() as stack:
        for _ in range(1000):
            await stack.enter_async_context(running(Talk(), creature=cron, host=host))
        await clock.advance(0)
        assert len(asyncio.all_tasks()) == before + 1000
        assert clock.sleeps == 1000
        await clock.advance(899)
        assert clock.sleeps == 1000
