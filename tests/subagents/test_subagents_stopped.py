"""Sub-agents are interrupted, stopped and ended with their parent, and are never shown as done."""

import asyncio
from itertools import chain, repeat
from typing import Any

import pytest
from kt import Agent, Host, Status, ToolResult
from kt.events import InputAccepted, LLMEnded
from kt.testing import EventRecorder, ScriptedLLM
from kt_jobs.jobs import JobEnded
from kt_subagents.events import SubagentEnded

pytestmark = pytest.mark.anyio


def has_valid_history(agent: Agent) -> bool:
    """Tell whether every call in the conversation has one result, and every result its call."""
    calls = [c.id for m in agent.history for c in m.tool_calls]
    results = [p.call_id for m in agent.history for p in m.parts if isinstance(p, ToolResult)]
    return calls == results


async def test_an_interrupted_turn_cancels_those_it_waits_for(
    boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any
) -> None:
    cast = make_cast(boss=[[task(wait=True), task(wait=True)], "I see."], helper=lambda r: [("wait", {})])
    async with boss(cast, sub("helper", tools=["wait"]), tools=[gate.tool]) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await gate.began.wait()
        agent.interrupt()
        result = await turn
        assert result.status is Status.cancelled
        assert gate.gone.is_set()
        assert [e.status for e in recorder.of(SubagentEnded)] == ["cancelled", "cancelled"]
        assert has_valid_history(agent)
        assert "cancelled" in str(result.tool_calls[0].error)
        children = [s.agent for s in agent.plugin("subagents").all.values()]
        assert all(child is not None and has_valid_history(child) and child.turn is None for child in children)
        assert (await agent.run("What happened?")).unwrap().text == "I see."


async def test_what_was_said_before_the_end_is_kept(boss: Any, make_cast: Any, task: Any) -> None:
    spoken = asyncio.Event()

    class Talker(ScriptedLLM):
        async def stream(self, request: Any) -> Any:
            yield "an owl, "
            spoken.set()
            await asyncio.Event().wait()

    cast = make_cast(boss=[[task(wait=True)]], helper=[])
    cast.scripts["helper"] = Talker()
    async with boss(cast) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await spoken.wait()
        agent.interrupt()
        await turn
    (ended,) = recorder.of(SubagentEnded)
    assert (ended.status, ended.text) == ("cancelled", "an owl, ")


async def test_one_that_is_cancelled_by_itself_is_an_error_to_its_caller(
    boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any
) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=[[("wait", {})]])
    async with boss(cast, sub("helper", tools=["wait"]), tools=[gate.tool]) as agent:
        turn = asyncio.create_task(agent.run("go"))
        await gate.began.wait()
        assert agent.plugin("subagents").find("s1").state == "running"
        agent.plugin("subagents").find("s1").agent.interrupt()
        result = (await turn).unwrap()
        assert agent.plugin("subagents").find("s1").state == "cancelled"
    why = "[helper s1 ended with status cancelled, not done: the turn was interrupted]"
    assert (result.tool_calls[0].result, result.tool_calls[0].error) == (None, why)


@pytest.mark.parametrize("how", ["stop_task", "plugin", "plugin in the foreground"])
async def test_one_is_stopped_and_its_parent_told(
    boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any, how: str
) -> None:
    steps: list[Any] = [[task(wait=how == "plugin in the foreground")]]
    if how == "stop_task":
        steps += [[("wait_for_it", {})], [("stop_task", {"id": "j1"})]]

    async def wait_for_it() -> str:
        """Wait until the sub-agent works."""
        await gate.began.wait()
        return "it works"

    cast = make_cast(boss=chain(steps, repeat("Well.")), helper=[[("wait", {})], "an owl"])
    tools = [gate.tool, wait_for_it, "stop_task"]
    async with boss(cast, sub("helper", tools=["wait"]), tools=tools) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await gate.began.wait()
        if how != "stop_task":
            await agent.plugin("subagents").stop("s1")
        (await turn).unwrap()
        assert agent.plugin("subagents").find("s1").state == "cancelled"
    assert [e.cancelled for e in recorder.of(JobEnded)] == [True]
    assert [e.status for e in recorder.of(SubagentEnded)] == ["cancelled"]
    assert recorder.of(InputAccepted)[0].message.text == "[task (j1) was stopped]\ncancelled"


@pytest.mark.parametrize("plugins", [[], ["jobs"]])
async def test_those_in_the_background_end_with_their_agent(
    boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any, plugins: Any
) -> None:
    cast = make_cast(boss=[[task(), task()], "They run."], helper=lambda r: [("wait", {})])
    async with boss(cast, sub("helper", tools=["wait"]), tools=[gate.tool], plugins=plugins) as agent:
        recorder = EventRecorder(agent)
        async with agent.bus.stream(LLMEnded) as replies:
            turn = asyncio.create_task(agent.run("go"))
            await anext(replies)
            await anext(replies)
        await gate.began.wait()
        agent.interrupt()
        await turn
        children = [s.agent for s in agent.plugin("subagents").all.values()]
    assert [e.cancelled for e in recorder.of(JobEnded)] == [True, True]
    assert {e.status for e in recorder.of(SubagentEnded)} <= {"cancelled"}
    assert gate.gone.is_set()
    assert not any(child.started for child in children if child is not None)


async def test_one_whose_jobs_run_on_is_closed(boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any) -> None:
    gate.tool.background = True
    steps = [[("wait", {"run_in_background": True})], RuntimeError("it broke")]
    async with boss(
        make_cast(boss=[[task(wait=True)], "done"], helper=steps), sub("helper", tools=["wait"]), tools=[gate.tool]
    ) as agent:
        result = (await agent.run("go")).unwrap()
        assert "ended with status failed" in str(result.tool_calls[0].error)
        assert agent.plugin("subagents").all == {}


async def test_many_at_once_leave_no_task_behind(boss: Any, make_cast: Any, task: Any) -> None:
    async def look(request: Any) -> str:
        await asyncio.sleep(0)
        return "ok"

    cast = make_cast(boss=[[task(prompt=str(n)) for n in range(200)], *["They run."] * 300], helper=look)
    async with Host() as host:
        before = asyncio.all_tasks()
        async with boss(cast, host=host, plugins=[{"subagents": {"max_running": 200, "keep": 4}}]) as agent:
            recorder = EventRecorder(agent)
            (await agent.run("go")).unwrap()
            assert [e.status for e in recorder.of(SubagentEnded)] == ["ok"] * 200
            assert len(agent.plugin("subagents").all) == 4
        assert asyncio.all_tasks() == before


async def test_a_host_that_is_closed_ends_them(boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any) -> None:
    before = asyncio.all_tasks()
    host = Host()
    cast = make_cast(boss=[[task()], "It runs.", "It ended."], helper=[[("wait", {})]])
    async with boss(cast, sub("helper", tools=["wait"]), tools=[gate.tool], host=host) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await gate.began.wait()
        await host.close()
        assert gate.gone.is_set()
        (await turn).unwrap()
    assert [e.status for e in recorder.of(SubagentEnded)] == ["cancelled"]
    await host.close()
    assert asyncio.all_tasks() == before
    assert [e.cancelled for e in recorder.of(JobEnded)] == [True]
