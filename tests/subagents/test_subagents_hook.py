"""kt_around_subagent: another plugin refuses, changes, repeats or replaces the work of a sub-agent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from kt import TurnResult, Vetoed, hookimpl
from kt.events import Refused
from kt.testing import EventRecorder
from kt_subagents.events import SubagentEnded, SubagentStarted
from kt_subagents.hooks import SubagentTask

pytestmark = pytest.mark.anyio


def around(function: Callable[..., Any]) -> object:
    """Return a plugin that wraps sub-agents by `function(agent, task, next)`."""

    class Around:
        name = "around"

        @hookimpl
        async def kt_around_subagent(self, agent: Any, task: SubagentTask, next: Any) -> Any:
            return await function(agent, task, next)

    return Around()


async def test_a_veto_is_what_the_model_reads(boss: Any, make_cast: Any, task: Any) -> None:
    async def refuse(agent: Any, task: SubagentTask, next: Any) -> TurnResult:
        raise Vetoed(f"no {task.name} for {agent.name}")

    async with boss(make_cast(boss=[[task(wait=True)], "done"]), plugins=[around(refuse)]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
        assert agent.plugin("subagents").all == {}
    assert result.tool_calls[0].error == "denied: no helper for boss"
    assert recorder.of(SubagentStarted) == []
    assert [e.why for e in recorder.of(Refused)] == ["no helper for boss"]


async def test_the_task_can_be_changed(boss: Any, make_cast: Any, task: Any) -> None:
    async def louder(agent: Any, task: SubagentTask, next: Any) -> Any:
        spec = replace(task.spec, creature=replace(task.spec.creature, prompt="You are loud."))
        return await next(replace(task, prompt=task.prompt.upper(), spec=spec))

    cast = make_cast(boss=[[task(wait=True)], "done"], loud=["ok"])
    async with boss(cast, plugins=[around(louder)]) as agent:
        (await agent.run("go")).unwrap()
    assert cast.requests("loud")[0].messages[0].text == "LOOK."


async def test_it_is_tried_again_by_a_new_one(boss: Any, make_cast: Any, task: Any) -> None:
    async def again(agent: Any, task: SubagentTask, next: Any) -> Any:
        result = await next(task)
        return result if result.ok else await next(task)

    cast = make_cast(boss=[[task(wait=True)], "done"], helper=[RuntimeError("it broke"), "an owl"])
    async with boss(cast, plugins=[around(again)]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].result == "[helper s1]\nan owl"
    assert [e.status for e in recorder.of(SubagentEnded)] == ["failed", "ok"]
    assert [len(r.messages) for r in cast.requests("helper")] == [1, 1]


async def test_one_that_goes_on_is_tried_again_itself(boss: Any, make_cast: Any, task: Any) -> None:
    async def twice(agent: Any, task: SubagentTask, next: Any) -> Any:
        await next(task)
        return await next(task)

    cast = make_cast(boss=[[task(wait=True)], [task(id="s1", wait=True)], "done"], helper=lambda r: "ok")
    async with boss(cast, plugins=[around(twice)]) as agent:
        (await agent.run("go")).unwrap()
    assert [len(r.messages) for r in cast.requests("helper")] == [1, 1, 3, 5]


async def test_the_answer_can_be_changed_or_come_from_elsewhere(boss: Any, make_cast: Any, task: Any) -> None:
    async def known(agent: Any, task: SubagentTask, next: Any) -> TurnResult:
        return TurnResult(text="I knew that")

    async with boss(make_cast(boss=[[task()], "It runs.", "done"]), plugins=[around(known)]) as agent:
        recorder = EventRecorder(agent)
        (await agent.run("go")).unwrap()
        message = next(m for m in agent.history if m.text.startswith("[task (j1)"))
    assert message.text == "[task (j1) finished]\n[helper s1]\nI knew that"
    assert recorder.of(SubagentStarted) == []


@pytest.mark.parametrize("made", [None, "text"])
async def test_what_is_no_result_is_the_plugins_fault(boss: Any, make_cast: Any, task: Any, made: Any) -> None:
    async def wrong(agent: Any, task: SubagentTask, next: Any) -> Any:
        return made

    async with boss(make_cast(boss=[[task(wait=True)], "done"]), plugins=[around(wrong)]) as agent:
        result = (await agent.run("go")).unwrap()
    assert str(result.tool_calls[0].error).startswith("kt_around_subagent")
