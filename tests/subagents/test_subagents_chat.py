"""/agents: the sub-agents of an agent, seen and stopped by a person."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from kt.errors import NotFound, UsageError
from kt.events import LLMEnded
from kt.testing import running
from kt_subagents.chat import agents, words

pytestmark = pytest.mark.anyio


def lines(text: str) -> list[str]:
    """Return the lines with each time as N s."""
    return [re.sub(r"\d+ s\b", "N s", line) for line in text.splitlines()]


async def test_who_works_and_who_ended_is_shown(
    boss: Any, make_cast: Any, task: Any, sub: Callable[..., Any], gate: Any
) -> None:
    cast = make_cast(
        boss=[[task(agent="quick", wait=True)], [task()], "it looks", "fine"],
        helper=[[("wait", {})], "an owl\nin a tree"], quick=["here"],
    )  # fmt: skip
    async with boss(cast, sub("helper", tools=["wait"]), sub("quick"), tools=[gate.tool], unguarded=True) as agent:
        assert lines(await agents(agent, "")) == [
            "nobody is at work", "to hand work to", "  helper  It is helper.", "  quick   It is quick.",
        ]  # fmt: skip
        turn = asyncio.create_task(agent.run("go"))
        await gate.began.wait()
        shown = lines(await agents(agent, ""))
        assert re.fullmatch(r"  s2  helper  running  N s  \d+ tokens  wait", shown[1])
        assert re.fullmatch(r"  s1  quick  ok  N s  \d+ tokens  here", shown[3])
        assert words(agent) == ["stop s2"]
        gate.open.set()
        assert (await turn).ok
        assert lines(await agents(agent, ""))[0] == "nobody is at work"
        assert "an owl in a tree" in await agents(agent, "")
        assert await agents(agent, "stop s2") == "helper s2 is not at work: ok"


async def test_one_is_stopped(boss: Any, make_cast: Any, task: Any, sub: Callable[..., Any], gate: Any) -> None:
    cast = make_cast(boss=[[task()], "it looks", "it was stopped"], helper=[[("wait", {})]])
    async with boss(cast, sub("helper", tools=["wait"]), tools=[gate.tool], unguarded=True) as agent:
        async with agent.bus.stream(LLMEnded) as replies:
            turn = asyncio.create_task(agent.run("go"))
            await anext(replies)
        await gate.began.wait()
        assert await agents(agent, "stop s1") == "helper s1 was stopped"
        assert gate.gone.is_set()
        assert (await turn).ok
        assert "s1  helper  cancelled" in await agents(agent, "")


async def test_what_can_not_be_done_says_why(boss: Any, make_cast: Any) -> None:
    async with boss(make_cast()) as agent:
        for given in ("dance", "stop"):
            with pytest.raises(UsageError, match="/agents can't"):
                await agents(agent, given)
        with pytest.raises(NotFound, match="no sub-agent 's9'"):
            await agents(agent, "stop s9")
    async with running() as agent:
        assert words(agent) == []
        with pytest.raises(UsageError, match="has no sub-agents"):
            await agents(agent, "")
