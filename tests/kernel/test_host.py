"""A host: services by type, tasks that end with it, lifespans of its plugins, agents that share it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kt import Agent, Host, Plugins, hookimpl
from kt.errors import MissingPlugin
from kt.events import PluginFailed
from kt.testing import EventRecorder, ScriptedLLM, running

pytestmark = pytest.mark.anyio


class Service:
    def __init__(self, closed: list[str] | None = None, name: str = "") -> None:
        self.closed, self.name = closed, name

    async def aclose(self) -> None:
        assert self.closed is not None
        self.closed.append(self.name)


class Other(Service):
    pass


async def test_a_service_is_found_under_its_type_or_the_one_given(host: Host) -> None:
    service = Other([])
    host.provide(service)
    assert host.get(Other) is service
    host.provide(service, Service)
    assert host.get(Service) is service


async def test_a_service_nobody_provides_is_a_missing_plugin(host: Host) -> None:
    with pytest.raises(MissingPlugin, match="no enabled plugin provides Service"):
        host.get(Service)


async def test_services_are_closed_with_the_host_the_last_first() -> None:
    closed: list[str] = []
    async with Host() as host:
        host.provide(Service(closed, "one"))
        host.provide(Other(closed, "two"))
        assert closed == []
    assert closed == ["two", "one"]


async def test_tasks_end_with_the_host_and_are_waited_for() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(1)

    async with Host() as host:
        task = host.spawn(work(), name="work")
        await asyncio.sleep(0)
    assert (ended, task.cancelled(), task.get_name()) == ([1], True, "work")


async def test_a_task_that_starts_another_while_it_is_cancelled_keeps_neither() -> None:
    async with Host() as host:
        late: list[asyncio.Task[None]] = []

        async def wait() -> None:
            await asyncio.Event().wait()

        async def work() -> None:
            try:
                await wait()
            finally:
                late.append(host.spawn(wait()))

        host.spawn(work())
        await asyncio.sleep(0)
    assert late[0].cancelled()


async def test_what_a_task_raises_is_handed_on() -> None:
    failures: list[BaseException] = []

    async def work() -> None:
        raise ValueError("my own bug")

    async with Host() as host:
        task = host.spawn(work(), failed=failures.append)
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [str(f) for f in failures] == ["my own bug"]


async def test_what_an_agents_task_raises_is_an_event() -> None:
    async def work() -> None:
        raise ValueError("my own bug")

    async with running([]) as agent:
        events = EventRecorder(agent)
        await asyncio.wait([agent.spawn(work(), name="poller")])
        await asyncio.sleep(0)
        assert events.of(PluginFailed) == [PluginFailed("poller", "ValueError('my own bug')")]


LIFESPAN = """
from contextlib import asynccontextmanager
from kt import hookimpl

seen = []

@hookimpl
@asynccontextmanager
async def kt_host_lifespan(host):
    host.provide(seen)
    seen.append("in")
    yield
    seen.append("out")
"""


async def test_the_lifespan_of_a_host_is_entered_once_for_all_its_agents(wheels: Any) -> None:
    wheels.add("pool", LIFESPAN)
    async with Host(Plugins()) as host:
        seen = host.get(list)
        for _ in range(2):
            async with await Agent.build({}, llm=ScriptedLLM(), host=host):
                assert seen == ["in"]
    assert seen == ["in", "out"]


async def test_an_agent_enters_the_lifespans_of_a_host_that_was_not_started(wheels: Any) -> None:
    wheels.add("pool", LIFESPAN)
    agent = await Agent.build({}, llm=ScriptedLLM(), host=Host(Plugins()))
    async with agent:
        assert agent.host.get(list) == ["in"]
    await agent.host.close()


class Lives:
    name = "lives"

    def __init__(self, where: str) -> None:
        self.where = where

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self) -> AsyncIterator[None]:
        if self.where == "kt_lifespan":
            raise OSError("no port")
        yield

    @hookimpl
    def kt_prompt(self) -> str:
        if self.where == "kt_prompt":
            raise OSError("no port")
        return ""


@pytest.mark.parametrize("hook", ["kt_lifespan", "kt_prompt"])
async def test_a_start_that_fails_says_in_which_plugin(hook: str) -> None:
    agent = await Agent.build({}, llm=ScriptedLLM(), plugins=[Lives(hook)])
    with pytest.raises(Exception, match="no port") as caught:
        await agent.start()
    assert "lives" in f"{caught.value} {getattr(caught.value, '__notes__', '')}"
    assert not agent.started
