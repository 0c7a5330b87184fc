"""Work is handed to a sub-agent, in the background or awaited, and its answer comes back."""

import asyncio
from typing import Any

import pytest
from kt import Status, Usage, tool
from kt.events import InputAccepted, LLMEnded, TextDelta, ToolEnded, TurnEnded, TurnStarted
from kt.testing import EventRecorder
from kt_jobs.jobs import JobEnded, JobStarted
from kt_subagents.events import SubagentActivity, SubagentEnded, SubagentStarted

pytestmark = pytest.mark.anyio


async def test_the_model_sees_who_there_is(boss: Any, make_cast: Any, sub: Any) -> None:
    async with boss(make_cast(), sub("helper"), sub("other", description="Another one.")) as agent:
        task = agent.tools["task"]
        assert task.parameters["properties"]["agent"]["enum"] == ["helper", "other"]
        assert set(task.parameters["properties"]) == {"agent", "prompt", "id", "wait"}
        assert task.parameters["required"] == ["agent", "prompt"]
        assert task.description.endswith("Sub-agents:\n- helper: It is helper.\n- other: Another one.")
        assert {a.name for a in agent.active} == {"subagents", "jobs"}


async def test_it_works_in_the_background_and_run_waits_for_its_answer(
    boss: Any, make_cast: Any, task: Any, read_by: Any
) -> None:
    cast = make_cast(boss=[[task()], "It looks.", "It found an owl."], helper=["an owl"])
    async with boss(cast) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("What is there?")).unwrap()
    assert result.text == "It found an owl."
    assert result.tool_calls[0].result == "task runs in the background as j1; its result will come as a message."
    assert read_by(cast.requests("boss")[-1].messages[-1]) == "[task (j1) finished]\n[helper s1]\nan owl"
    assert [e.source for e in recorder.of(InputAccepted)] == ["job:j1"]
    assert [e.cancelled for e in recorder.of(JobEnded)] == [False]
    started, ended = recorder.of(SubagentStarted)[0], recorder.of(SubagentEnded)[0]
    assert (started.id, started.name, started.prompt, started.model, started.depth) == (
        "s1",
        "helper",
        "Look.",
        "cast",
        1,
    )
    assert started.call_id == result.tool_calls[0].id
    assert (ended.id, ended.status, ended.text, ended.error) == ("s1", "ok", "an owl", "")


async def test_its_history_is_its_own(boss: Any, make_cast: Any, task: Any) -> None:
    cast = make_cast(boss=[[task(prompt="Only this.", wait=True)], "done"], helper=["fine"])
    async with boss(cast) as agent:
        (await agent.run("A long story.")).unwrap()
        (request,) = cast.requests("helper")
        assert [m.text for m in request.messages] == ["Only this."]
        assert request.system == "You are helper."
        assert [m.role for m in agent.history] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize(("spec", "given"), [({}, {"wait": True}), ({"wait": True}, {})])
async def test_it_is_awaited_where_model_or_spec_say_so(
    boss: Any, make_cast: Any, task: Any, sub: Any, spec: Any, given: Any
) -> None:
    cast = make_cast(boss=[[task(**given)], "done"], helper=["an owl"])
    async with boss(cast, sub("helper", **spec)) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].result == "[helper s1]\nan owl"
    assert recorder.of(JobStarted) == []


async def test_the_model_has_the_last_word_on_waiting(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task(wait=False)], "It looks.", "done"], helper=["an owl"])
    async with boss(cast, sub("helper", wait=True)) as agent:
        recorder = EventRecorder(agent)
        (await agent.run("go")).unwrap()
    assert len(recorder.of(JobStarted)) == 1


async def test_several_work_at_once(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    barrier = asyncio.Barrier(3)

    async def meet(request: Any) -> str:
        await barrier.wait()
        return f"did {request.messages[-1].text}"

    calls = [task("helper", "a", wait=True), task("helper", "b", wait=True), task("other", "c", wait=True)]
    cast = make_cast(boss=[calls, "done"], helper=meet, other=meet)
    async with boss(cast, sub("helper"), sub("other")) as agent:
        result = (await agent.run("go")).unwrap()
    assert [c.result for c in result.tool_calls] == ["[helper s1]\ndid a", "[helper s2]\ndid b", "[other s3]\ndid c"]


async def test_more_than_may_run_wait_for_their_turn(boss: Any, make_cast: Any, task: Any) -> None:
    most = now = 0

    async def count(request: Any) -> str:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return "ok"

    cast = make_cast(boss=[[task(wait=True) for _ in range(6)], "done"], helper=count)
    async with boss(cast, plugins=[{"subagents": {"max_running": 2}}]) as agent:
        result = (await agent.run("go")).unwrap()
    assert len([c for c in result.tool_calls if c.error is None]) == 6
    assert most == 2


async def test_an_answer_without_a_turn_starts_one(boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task()], "It looks.", "Now I know."], helper=[[("wait", {})], "an owl"])
    async with boss(cast, sub("helper", tools=["wait"]), tools=[gate.tool]) as agent:
        recorder = EventRecorder(agent)
        async with agent.bus.stream(LLMEnded) as replies:
            turn = asyncio.create_task(agent.run("go"))
            await anext(replies)
            await anext(replies)
        await gate.began.wait()
        agent.interrupt()
        assert (await turn).status is Status.cancelled
        assert not gate.gone.is_set()
        async with agent.bus.stream(TurnEnded) as ended:
            gate.open.set()
            await anext(ended)
        assert [e.source for e in recorder.of(TurnStarted)] == ["user", "job:j1"]
        assert recorder.of(TurnEnded)[-1].result.text == "Now I know."


async def test_an_earlier_one_goes_on_with_what_it_knows(boss: Any, make_cast: Any, task: Any) -> None:
    first, again = task(prompt="Find it.", wait=True), task(prompt="And its colour?", id="s1", wait=True)
    cast = make_cast(boss=[[first], [again], "done"], helper=["an owl", "brown"])
    async with boss(cast) as agent:
        result = (await agent.run("go")).unwrap()
        assert [c.result for c in result.tool_calls] == ["[helper s1]\nan owl", "[helper s1]\nbrown"]
        assert [m.text for m in cast.requests("helper")[-1].messages] == ["Find it.", "an owl", "And its colour?"]
        assert list(agent.plugin("subagents").all) == ["s1"]


async def test_who_can_not_start_is_told_at_once_why(boss: Any, make_cast: Any, task: Any, sub: Any) -> None:
    steps = [[task(wait=True)], [task("helpe")], [task(id="s9")], [task("zebra", id="s1")], "done"]
    async with boss(make_cast(boss=steps, helper=["x"]), sub("helper"), sub("zebra")) as agent:
        result = (await agent.run("go")).unwrap()
    assert [c.error for c in result.tool_calls[1:]] == [
        "no sub-agent 'helpe' (did you mean helper?)",
        "no sub-agent 's9' is kept (known: s1)",
        "s1 is helper, not zebra (say agent: helper)",
    ]


async def test_one_that_is_at_work_takes_no_second_task(
    boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any
) -> None:
    cast = make_cast(boss=[[task()], [task(id="s1")], "It runs.", "done"], helper=[[("wait", {})], "x"])
    async with boss(cast, sub("helper", tools=["wait"]), tools=[gate.tool]) as agent:
        async with agent.bus.stream(ToolEnded) as ended:
            turn = asyncio.create_task(agent.run("go"))
            result = (await anext(ended)).result
        assert result.text == "s1 is still at work (wait for its answer, or leave id out)"
        gate.open.set()
        (await turn).unwrap()


async def test_the_oldest_idle_ones_are_closed(boss: Any, make_cast: Any, task: Any) -> None:
    steps = [[task(wait=True)], [task(wait=True)], [task(id="s1", wait=True)], [task(wait=True)], "done"]
    cast = make_cast(boss=steps, helper=lambda request: "ok")
    async with boss(cast, plugins=[{"subagents": {"keep": 2}}]) as agent:
        (await agent.run("go")).unwrap()
        subs = agent.plugin("subagents")
        assert list(subs.all) == ["s1", "s3"]
        assert [s.state for s in subs.all.values()] == ["ok", "ok"]
        kept = [s.agent for s in subs.all.values()]
        assert all(each.started for each in kept)
    assert not any(each.started for each in kept)


def forever(request: Any) -> Any:
    return [("look", {})]


@pytest.mark.parametrize(
    ("steps", "spec", "status", "why"),
    [
        ([RuntimeError("it broke")], {}, "failed", "RuntimeError: it broke"),
        (
            lambda r: [("look", {})],
            {"limits": {"max_turns": 2}},
            "limit",
            "the turn reached its limit of 2 model calls",
        ),
    ],
)
async def test_what_is_not_ok_is_not_shown_as_done(
    boss: Any, make_cast: Any, task: Any, sub: Any, steps: Any, spec: Any, status: str, why: str
) -> None:
    @tool
    def look() -> str:
        """Look."""
        return "an owl"

    cast = make_cast(boss=[[task(wait=True)], [task()], "It runs.", "done"], helper=steps)
    async with boss(cast, sub("helper", tools=["look"], **spec), tools=[look]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].error == f"[helper s1 ended with status {status}, not done: {why}]"
    assert recorder.of(SubagentEnded)[0].status == status
    (job,) = recorder.of(JobEnded)
    assert job.result.is_error
    assert "[task (j2) failed]" in recorder.of(InputAccepted)[0].message.text


async def test_one_that_takes_too_long_is_ended(boss: Any, make_cast: Any, task: Any, gate: Any, sub: Any) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=[[("wait", {})]])
    async with boss(cast, sub("helper", tools=["wait"], timeout=0.05), tools=[gate.tool]) as agent:
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].error is not None
    assert result.tool_calls[0].error.startswith("[helper s1 ended with status timeout, not done")
    assert gate.gone.is_set()


async def test_what_it_used_is_told_once_and_not_in_its_parents_usage(
    boss: Any, make_cast: Any, task: Any, sub: Any
) -> None:
    cast = make_cast(
        boss=[[task("lead", wait=True)], "done"], lead=[[task("helper", wait=True)], "led"], helper=["one two three"]
    )
    async with boss(cast, sub("lead", subagents=[sub("helper")])) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
        used = agent.plugin("subagents").used
    own = Usage()
    for event in recorder.of(LLMEnded):
        own.add(event.usage)
    assert result.usage == own
    below = Usage()
    for event in recorder.of(SubagentActivity):
        inner = event.event.event if isinstance(event.event, SubagentActivity) else event.event
        if isinstance(inner, LLMEnded):
            below.add(inner.usage)
    assert used == below == recorder.of(SubagentEnded)[0].used
    assert used.total > 0


async def test_no_delta_is_built_where_nobody_listens(boss: Any, make_cast: Any, task: Any) -> None:
    heard: list[Any] = []

    def look(request: Any) -> str:
        heard.extend(agent.plugin("subagents").find("s1").agent.bus.text)
        return "ok"

    async with boss(make_cast(boss=[[task(wait=True)], "done"], helper=look)) as agent:
        (await agent.run("go")).unwrap()
    assert heard == []


async def test_its_events_are_told_without_deltas(boss: Any, make_cast: Any, task: Any) -> None:
    cast = make_cast(boss=[[task(wait=True)], "done"], helper=["an owl"])
    async with boss(cast) as agent:
        heard: list[Any] = []
        off = agent.bus.on(SubagentActivity, heard.append)
        (await agent.run("go")).unwrap()
        off()
    assert {(e.id, e.name) for e in heard} == {("s1", "helper")}
    kinds = [e.event.kind for e in heard]
    assert kinds[0] == "turn_started"
    assert kinds[-1] == "turn_ended"
    assert "llm_ended" in kinds
    assert not any(isinstance(e.event, TextDelta) for e in heard)
