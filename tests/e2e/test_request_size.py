"""What a creature sends before the user has said much: the bill that every request pays."""

import json
from pathlib import Path
from typing import Any

import pytest
from kt import Agent
from kt.testing import ScriptedLLM

pytestmark = pytest.mark.anyio


class SmallModel(ScriptedLLM):
    """A scripted model that wants what the local one wants: the compact variant, and tools as text."""

    variant = "compact"
    plugins = ("textcalls",)


async def size(creature: str, llm: Any, folder: Path) -> tuple[int, int]:
    """Return (characters of the whole request, number of tools) for the prompt "hi"."""
    async with await Agent.build(creature, llm=llm, pwd=folder, profile="default") as agent:
        await agent.run("hi")
    sent = llm.requests[0]
    tools = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in sent.tools]
    return len(sent.system) + len(json.dumps(tools)) + sum(len(m.text) for m in sent.messages), len(tools)


@pytest.mark.parametrize("creature", ["@kt-biome/creatures/general", "@kt-biome/creatures/swe"])
async def test_the_default_request_stays_below_ten_thousand_characters(
    creature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    whole, tools = await size(creature, ScriptedLLM(["hello"]), tmp_path / "work")
    assert tools >= 8
    assert whole < 10_000


@pytest.mark.parametrize("creature", ["@kt-biome/creatures/general", "@kt-biome/creatures/swe"])
async def test_the_compact_variant_is_short_enough_for_a_slow_reader(
    creature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    llm = SmallModel(['{"answer": "hello"}'])
    async with await Agent.build(creature, llm=llm, pwd=tmp_path / "work", profile="default") as agent:
        assert (await agent.run("hi")).text == "hello"
    assert 0 < len(agent.tools) <= 6
    assert all(name in llm.requests[0].system for name in agent.tools)
    assert not llm.requests[0].tools
    assert len(llm.requests[0].system) <= 2_000
