"""The state hooks as a plugin that keeps sessions calls them: the docs promise them, the kernel calls neither."""

import json
from typing import Any

import pytest
from kt import Agent, hookimpl
from kt.testing import ScriptedLLM, running

pytestmark = pytest.mark.anyio


class Counter:
    """Count turns, and keep the count."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Any) -> Any:
        self.count += 1
        return await next(turn)

    @hookimpl
    def kt_save(self) -> dict[str, int]:
        return {"count": self.count}

    @hookimpl
    def kt_load(self, state: dict[str, int]) -> None:
        self.count = state["count"]


async def test_what_kt_save_returns_as_json_comes_back_by_kt_load_to_the_plugin_of_the_same_name() -> None:
    async with running(["one", "two"], plugins=[Counter("a"), Counter("b")]) as agent:
        await agent.run("first")
        agent.plugin("b").count = 5
        saved = json.dumps({impl.owner.name: impl(agent=agent) for impl in agent.hooks.impls("kt_save")})
    resumed = await Agent.build({}, llm=ScriptedLLM(), plugins=[Counter("b"), Counter("a")])
    for impl in resumed.hooks.impls("kt_load"):
        impl(agent=resumed, state=json.loads(saved)[impl.owner.name])
    assert (resumed.plugin("a").count, resumed.plugin("b").count) == (1, 5)
