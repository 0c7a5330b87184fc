"""Background jobs: started by the model or promoted by a surface, delivered as input, ended with the agent."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from kt import Agent, Message, Status, ToolCall, ToolResult, hookimpl, tool
from kt.errors import NotFound
from kt.events import InputAccepted, LLMEnded, ToolEnded, TurnEnded, TurnStarted
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_jobs.jobs import JobEnded, JobStarted

pytestmark = pytest.mark.anyio
BACK = {"run_in_background": True}


def said(message: Message) -> str:
    """Return what a message tells the model, results included."""
    return "".join(p.text for p in message.parts if isinstance(p, ToolResult)) or message.text


def call(**arguments: Any) -> list[tuple[str, dict[str, Any]]]:
    return [("work", arguments)]


async def start_and_leave(agent: Agent) -> None:
    """Run a turn until the model has answered twice, and interrupt it while it waits for its job."""
    async with agent.bus.stream(LLMEnded) as replies:
        turn = asyncio.create_task(agent.run("go"))
        await anext(replies)
        await anext(replies)
    agent.interrupt()
    assert (await turn).status is Status.cancelled


async def test_only_tools_that_allow_it_offer_the_background(work: Any) -> None:
    @tool
    def plain() -> str:
        """Do it."""
        return ""

    async with running([], tools=[work.tool, plain]) as agent:
        assert "run_in_background" in agent.tools["work"].parameters["properties"]
        assert "run_in_background" not in agent.tools["plain"].parameters.get("properties", {})
        assert [a.name for a in agent.active] == ["jobs"]
    async with running([], tools=[plain]) as agent:
        assert [a.name for a in agent.active] == []


async def test_a_call_runs_in_the_foreground_unless_asked_otherwise(work: Any) -> None:
    work.may_end.set()
    for arguments in ({}, {"run_in_background": False}, {"run_in_background": "false"}):
        async with running([call(**arguments), "done"], tools=[work.tool]) as agent:
            recorder = EventRecorder(agent)
            result = await agent.run("go")
            assert result.tool_calls[0].result == "it is worked out"
            assert recorder.of(JobStarted) == []
            assert agent.plugin("jobs").all == {}


async def test_run_waits_for_the_jobs_it_started_and_the_model_reads_their_results(work: Any) -> None:
    llm = ScriptedLLM([call(what="x", **BACK), "It runs.", "It is done."])
    async with running(llm, tools=[work.tool]) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        (job,) = agent.plugin("jobs").running
        assert (job.id, job.state, job.call.name) == ("j1", "running", "work")
        assert not turn.done()
        work.may_end.set()
        result = await turn
    assert (result.status, result.text) == (Status.ok, "It is done.")
    assert result.tool_calls[0].result == "work runs in the background as j1; its result will come as a message."
    assert said(llm.requests[-1].messages[-1]) == "[work (j1) finished]\nx is worked out"
    assert work.seen == [{"what": "x"}]
    assert [e.promoted for e in recorder.of(JobStarted)] == [False]
    assert [(e.id, e.cancelled) for e in recorder.of(JobEnded)] == [("j1", False)]
    assert len(recorder.of(TurnStarted)) == 1
    assert [e.source for e in recorder.of(InputAccepted)] == ["job:j1"]
    assert llm.requests[-1].messages[-1].parts[0].origin == "job"


async def test_the_result_of_a_job_joins_the_turn_that_runs(work: Any) -> None:
    gate = asyncio.Event()

    @tool
    async def wait() -> str:
        """Wait."""
        await gate.wait()
        return "waited"

    llm = ScriptedLLM([[*call(**BACK), ("wait", {})], "All done."])
    async with running(llm, tools=[work.tool, wait]) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        async with agent.bus.stream(JobEnded) as ended:
            work.may_end.set()
            await anext(ended)
        gate.set()
        assert (await turn).text == "All done."
    assert [said(m) for m in llm.requests[-1].messages[-2:]] == [
        "work runs in the background as j1; its result will come as a message.waited",
        "[work (j1) finished]\nit is worked out",
    ]
    assert len(recorder.of(TurnStarted)) == 1


async def test_the_result_of_a_job_starts_a_turn_of_its_own_where_none_runs(work: Any) -> None:
    llm = ScriptedLLM([call(**BACK), "It runs.", "Good, it is done."])
    async with running(llm, tools=[work.tool]) as agent:
        recorder = EventRecorder(agent)
        await start_and_leave(agent)
        assert not work.gone.is_set()
        async with agent.bus.stream(TurnEnded) as ended:
            work.may_end.set()
            await anext(ended)
        assert [e.source for e in recorder.of(TurnStarted)] == ["user", "job:j1"]
        assert recorder.of(TurnEnded)[-1].result.text == "Good, it is done."
        assert agent.plugin("jobs").find("j1").state == "done"


async def test_the_result_of_a_job_is_never_handed_to_another_run(work: Any) -> None:
    llm = ScriptedLLM([call(**BACK), "It runs.", "About the job.", "About the question."])
    async with running(llm, tools=[work.tool]) as agent:
        recorder = EventRecorder(agent)
        await start_and_leave(agent)
        async with agent.bus.stream(JobEnded) as ended:
            work.may_end.set()
            await anext(ended)
        result = await agent.run("And now?")
        turns = {e.turn: e.source for e in recorder.of(TurnStarted)}
        own = next(e for e in recorder.of(TurnEnded) if e.result is result)
        assert turns[own.turn] == "user"
        assert len([m for m in agent.history if said(m).startswith("[work (j1) finished]")]) == 1


async def test_a_running_call_is_promoted_and_the_turn_goes_on(work: Any) -> None:
    llm = ScriptedLLM([call(what="x"), "It runs.", "It is done."])
    async with running(llm, tools=[work.tool]) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        jobs = agent.plugin("jobs")
        assert jobs.running == []
        async with agent.bus.stream(ToolEnded, TurnEnded, JobStarted) as stream:
            assert jobs.promote("call_1") is jobs.promote("j1")
            assert isinstance(await anext(stream), JobStarted)
        assert [j.id for j in jobs.running] == ["j1"]
        work.may_end.set()
        result = await turn
    assert result.text == "It is done."
    assert [e.promoted for e in recorder.of(JobStarted)] == [True]
    assert result.tool_calls[0].result == "work runs in the background as j1; its result will come as a message."
    assert work.seen == [{"what": "x"}]


async def test_a_job_is_stopped_and_the_model_is_told(work: Any) -> None:
    llm = ScriptedLLM([call(**BACK), "It runs.", "A pity."])
    async with running(llm, tools=[work.tool]) as agent:
        recorder = EventRecorder(agent)
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        job = await agent.plugin("jobs").stop("j1")
        assert job.state == "cancelled"
        assert work.gone.is_set()
        assert (await turn).text == "A pity."
    assert [e.cancelled for e in recorder.of(JobEnded)] == [True]
    assert said(llm.requests[-1].messages[-1]) == "[work (j1) was stopped]\ncancelled"


async def test_a_job_that_ended_is_left_as_it_is(work: Any) -> None:
    work.may_end.set()
    async with running([call(**BACK), "a", "b"], tools=[work.tool]) as agent:
        await agent.run("go")
        jobs = agent.plugin("jobs")
        assert (await jobs.stop("j1")).state == "done"
        assert jobs.promote("j1").state == "done"


async def test_an_unknown_job_is_named_with_the_nearest(work: Any) -> None:
    work.may_end.set()
    async with running([call(**BACK), "a", "b"], tools=[work.tool]) as agent:
        await agent.run("go")
        for ask in (agent.plugin("jobs").find, agent.plugin("jobs").promote):
            with pytest.raises(NotFound, match="no job 'j2'") as raised:
                ask("j2")
            assert raised.value.hint == "known: j1"
        with pytest.raises(NotFound):
            await agent.plugin("jobs").stop("j2")


async def test_stopping_the_agent_cancels_its_jobs_and_logs_it(work: Any) -> None:
    llm = ScriptedLLM([call(**BACK), "It runs."])
    async with running(llm, tools=[work.tool]) as agent:
        recorder = EventRecorder(agent)
        await start_and_leave(agent)
        assert not work.gone.is_set()
    assert work.gone.is_set()
    assert [(e.id, e.cancelled) for e in recorder.of(JobEnded)] == [("j1", True)]
    assert recorder.kinds[-1] == "agent_stopped"
    assert len(llm.requests) == 2


async def test_a_timeout_kills_what_runs_in_the_foreground_and_nothing_else(work: Any, make_work: Any) -> None:
    front = make_work("front")
    steps = [[*call(**BACK), ("front", {})], "unreachable"]
    async with running(steps, tools=[work.tool, front.tool]) as agent:
        result = await agent.run("go", timeout=0.5)
        assert result.status is Status.timeout
        assert front.gone.is_set()
        assert not work.gone.is_set()
        assert [j.call.name for j in agent.plugin("jobs").running] == ["work"]
        open_calls = {r.name: r.error for r in result.tool_calls}
        assert "not finished" in str(open_calls["front"])
        assert [len(m.parts) for m in agent.history if m.role == "tool"] == [2]


async def test_an_interrupt_kills_a_foreground_call(work: Any) -> None:
    async with running([call(), "unreachable"], tools=[work.tool]) as agent:
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        assert agent.interrupt()
        assert (await turn).status is Status.cancelled
        assert work.gone.is_set()
        assert agent.plugin("jobs").all == {}


async def test_a_job_that_fails_says_so(work: Any) -> None:
    work.may_end.set()
    llm = ScriptedLLM([call(what="fails", **BACK), "It runs.", "I see."])
    async with running(llm, tools=[work.tool]) as agent:
        assert (await agent.run("go")).text == "I see."
        assert agent.plugin("jobs").find("j1").state == "done"
    assert said(llm.requests[-1].messages[-1]) == "[work (j1) failed]\nRuntimeError: it broke"


async def test_jobs_run_side_by_side_and_are_numbered(work: Any, make_work: Any) -> None:
    other = make_work("other")
    llm = ScriptedLLM([[*call(what="a", **BACK), ("other", {"what": "b", **BACK})], "Both run.", "One.", "Two."])
    async with running(llm, tools=[work.tool, other.tool]) as agent:
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        await other.began.wait()
        assert [j.id for j in agent.plugin("jobs").running] == ["j1", "j2"]
        async with agent.bus.stream(InputAccepted) as accepted:
            other.may_end.set()
            assert (await anext(accepted)).source == "job:j2"  # type: ignore[attr-defined]
        work.may_end.set()
        assert (await turn).text == "Two."


async def test_a_plugin_around_a_job_sees_its_real_result(work: Any) -> None:
    class Shout:
        @hookimpl
        async def kt_around_tool_call(
            self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
        ) -> ToolResult:
            result = await next(call)
            return replace(result, parts=[replace(p, text=p.text.upper()) for p in result.parts])  # type: ignore

    work.may_end.set()
    llm = ScriptedLLM([call(**BACK), "It runs.", "I see."])
    async with running(llm, tools=[work.tool], plugins=[Shout]) as agent:
        await agent.run("go")
    assert said(llm.requests[-1].messages[-1]) == "[work (j1) finished]\nIT IS WORKED OUT"


async def test_a_call_in_the_foreground_that_is_stopped_is_a_result_for_the_model(work: Any) -> None:
    async with running([call(), "then not"], tools=[work.tool]) as agent:
        turn = asyncio.create_task(agent.run("go"))
        await work.began.wait()
        await agent.plugin("jobs").stop("call_1")
        result = await turn
        assert (result.status, result.text) == (Status.ok, "then not")
        assert result.tool_calls[0].error == "cancelled: somebody stopped it"
