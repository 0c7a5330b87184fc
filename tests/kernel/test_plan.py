"""What an agent is built of: options that add tools, the plan that stays, several inputs, origins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import kt
import pytest
from kt import Agent, tool
from kt.testing import ScriptedLLM, running

pytestmark = pytest.mark.anyio


@tool(effect="read")
def count_words(text: str) -> str:
    """Count the words in a text."""
    return str(len(text.split()))


async def test_an_origin_may_name_several_and_each_of_them_taints() -> None:
    async with running(["ok"]) as agent:
        await agent.run(kt.Text("from afar", origin="web mcp:x"))
        assert agent.taint == {"web", "mcp:x"}


async def test_tools_change_at_run_time() -> None:
    async with running([[("count_words", {"text": "a b"})], "2", "none"]) as agent:
        agent.set_tools([count_words])
        assert (await agent.run("count")).tool_calls[0].result == "2"
        agent.set_tools([])
        await agent.run("again")
        assert isinstance(agent.provider, ScriptedLLM)
        assert [[t.name for t in r.tools] for r in agent.provider.requests] == [["count_words"], ["count_words"], []]


async def test_an_option_adds_tools_and_sees_the_variant_that_was_chosen() -> None:
    class Small(ScriptedLLM):
        variant = "compact"

    def option(plan: kt.Plan, value: object) -> None:
        plan.tools += (count_words,)
        seen.append((plan.creature.subagents, value))

    seen: list[object] = []
    plugins = kt.Plugins()
    plugins.registry.build_option("counting", option)
    plugins.registry.build_option("subagents", option, override=True)
    creature = {"subagents": ["plan"], "variants": {"compact": {"subagents": []}}}
    agent = await Agent.build(creature, llm=Small(), host=kt.Host(plugins), counting=True)
    assert list(agent.tools) == ["count_words"]
    assert seen == [((), True)]


async def test_the_plan_stays_for_who_builds_another_like_it() -> None:
    class Quiet:
        pass

    assert (await Agent.build({}, llm=ScriptedLLM())).plan is None
    agent = await Agent.build({}, llm=ScriptedLLM(), plugins=[Quiet], unguarded=True)
    assert agent.plan is not None
    assert (agent.plan.given["plugins"], agent.plan.given["unguarded"]) == ([Quiet], True)


async def test_several_inputs_are_attached_in_order() -> None:
    def named(name: str) -> Any:
        @asynccontextmanager
        async def attach(agent: Agent) -> AsyncIterator[None]:
            order.append(name)
            yield
            order.append(f"-{name}")

        return attach

    order: list[str] = []
    async with running(input=[named("a"), named("b")]):
        assert order == ["a", "b"]
    assert order == ["a", "b", "-b", "-a"]
