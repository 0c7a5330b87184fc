"""/jobs: calls in the background, listed, read and stopped by a person."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kt import Agent, Context, Host, tool
from kt.errors import NotFound, UsageError
from kt.events import LLMEnded
from kt.testing import VirtualClock, running
from kt_jobs.chat import jobs, words

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def at_work(work: Any, what: str = "a cake", **options: Any) -> AsyncIterator[Agent]:
    """Yield an agent whose turn waits for a job; the turn is interrupted at the end."""
    steps = [[("work", {"what": what, "run_in_background": True})], "it is on its way", "well", "well"]
    async with running(steps, tools=[work.tool], **options) as agent:
        async with agent.bus.stream(LLMEnded) as replies:
            turn = asyncio.create_task(agent.run("go"))
            await anext(replies)
            await anext(replies)
        await work.began.wait()
        yield agent
        agent.interrupt()
        await turn


async def test_jobs_are_listed_with_how_long_they_took(work: Any) -> None:
    clock = VirtualClock(1_000.0)
    async with Host(clock=clock) as host, at_work(work, host=host) as agent:
        await clock.advance(75)
        assert await jobs(agent, "") == "j1  work  running  75 s  a cake"
        assert words(agent) == ["show j1", "stop j1"]
        assert await jobs(agent, "show j1") == "j1 runs, and has said nothing yet"
        work.may_end.set()
        await agent.plugin("jobs").find("j1").task
        await clock.advance(5)
        assert await jobs(agent, "") == "j1  work  done  75 s  a cake"
        assert await jobs(agent, "show j1") == "j1 done:\na cake is worked out"
        assert words(agent) == ["show j1"]


async def test_a_job_is_stopped(work: Any) -> None:
    async with at_work(work) as agent:
        assert await jobs(agent, "stop j1") == "j1 was stopped"
        assert work.gone.is_set()
        assert "j1  work  cancelled" in await jobs(agent, "")
        assert await jobs(agent, "stop j1") == "j1 had ended: cancelled"


async def test_a_job_that_broke_says_so(work: Any) -> None:
    work.may_end.set()
    async with at_work(work, "fails") as agent:
        await asyncio.wait([agent.plugin("jobs").find("j1").task])
        assert "j1  work  failed" in await jobs(agent, "")
        assert "it broke" in await jobs(agent, "show j1")


async def test_what_a_job_said_so_far_is_shown() -> None:
    said, go_on = asyncio.Event(), asyncio.Event()

    @tool(background=True)
    async def work(ctx: Context[object], what: str) -> str:
        """Work."""
        ctx.progress("one\n")
        ctx.progress("two\n")
        said.set()
        await go_on.wait()
        ctx.progress("half", 0.5)
        return "done"

    class Working:
        tool, began = work, said

    async with at_work(Working) as agent:
        assert await jobs(agent, "show j1") == "j1 runs; so far:\none\ntwo"
        go_on.set()
        job = agent.plugin("jobs").find("j1")
        await job.task
        assert job.output == "half"


async def test_a_call_in_the_foreground_is_no_job(work: Any) -> None:
    async with running([[("work", {})], "done"], tools=[work.tool]) as agent:
        assert await jobs(agent, "") == "nothing runs in the background"
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        assert await jobs(agent, "") == "nothing runs in the background"
        work.may_end.set()
        assert (await turn).ok


async def test_what_can_not_be_done_says_why(work: Any) -> None:
    async with running(tools=[work.tool]) as agent:
        for given in ("dance", "stop", "show"):
            with pytest.raises(UsageError, match="/jobs can't"):
                await jobs(agent, given)
        with pytest.raises(NotFound, match="no job 'j7'"):
            await jobs(agent, "stop j7")
    async with running() as agent:
        assert words(agent) == []
        with pytest.raises(UsageError, match="no tool here"):
            await jobs(agent, "")
