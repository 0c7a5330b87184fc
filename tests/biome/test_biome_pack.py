"""What the pack carries is whole: the manifest says it, every name in it is there, and no creature is too large."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kt_biome
import pytest
from kt import Agent, Creature, Host
from kt.testing import ScriptedLLM
from kt_skills.skill import load

pytestmark = pytest.mark.anyio

PACKAGE = Path(kt_biome.__file__).parent
MANIFEST = tomllib.loads((PACKAGE / "kt-pack.toml").read_text())
CREATURES = ("general", "swe", "reviewer", "researcher", "ops", "root")
SKILLS = {"general": [], "swe": ["bug-hunt", "git-commit-flow"], "ops": ["bug-hunt"], "root": []}
PLACE = ("group_", "send_message")
"""Beginnings of the names of tools that come with a place in a team."""


class Small(ScriptedLLM):
    variant = "compact"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, and keep the settings and skills of whoever runs the tests out."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def carried() -> Iterator[tuple[str, str]]:
    for kind, file in (("creature", "creature.yaml"), ("terrarium", "terrarium.yaml"), ("skill", "SKILL.md")):
        yield from ((kind, path.parent.name) for path in (PACKAGE / f"{kind}s").glob(f"*/{file}"))


def creature(name: str) -> Creature:
    found: Creature = Host().registry.get("loader", "creature")(Host().plugins, f"@kt-biome/creatures/{name}")
    return found


def test_the_manifest_names_what_is_carried_and_registered() -> None:
    named = [(each["kind"], each["name"]) for each in MANIFEST["provides"]]
    assert sorted(named) == sorted(carried())
    registered = [(e.kind, e.name) for e in Host().registry.entries() if e.dist == "kt-biome"]
    assert sorted(registered) == sorted(entry for entry in named if entry[0] != "skill")
    assert {name for kind, name in named if kind == "creature"} == set(CREATURES)


def test_the_manifest_says_what_the_creatures_say() -> None:
    told = {(each["kind"], each["name"]): each["description"] for each in MANIFEST["provides"]}
    for name in CREATURES:
        assert told["creature", name] == creature(name).description
    for path in (PACKAGE / "skills").iterdir():
        assert told["skill", path.name] == load(path).description
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    assert [MANIFEST["pack"][key] for key in ("name", "version", "license")] == [
        project[key] for key in ("name", "version", "license")
    ]


@pytest.mark.parametrize("name", CREATURES)
def test_every_name_is_registered_and_the_small_variant_is_small(name: str) -> None:
    registry, found = Host().registry, creature(name)
    compact = found.variants["compact"]
    for tool in {*found.tools, *(compact.tools or ())}:
        assert registry.find("tool", tool), tool
    assert all(registry.find("subagent", str(helper)) for helper in found.subagents)
    assert set(found.guards) == {"permissions", "sandbox", "redact"}
    assert found.limits.max_turns
    assert set(compact.tools or ()) <= set(found.tools)
    assert len(compact.tools or ()) <= 6
    assert len(compact.prompt or "") < 700
    assert compact.subagents == () or not found.subagents


@pytest.mark.parametrize("name", CREATURES)
def test_every_prompt_calls_what_comes_in_data(name: str) -> None:
    found = creature(name)
    for prompt in (found.prompt, found.variants["compact"].prompt or ""):
        assert "data" in prompt
        assert "Terrarium" not in prompt
    assert "# How you answer" in found.prompt


@pytest.mark.parametrize("name", CREATURES)
async def test_no_request_is_large_and_skills_are_offered_to_whom_they_are_for(name: str, work: Path) -> None:
    llm = ScriptedLLM(["hello"])
    reference = f"@kt-biome/creatures/{name}"
    async with await Agent.build(reference, llm=llm, pwd=work, profile="default") as agent:
        await agent.run("hi")
    sent: Any = llm.requests[0]
    own = [tool for tool in sent.tools if not tool.name.startswith(PLACE)]
    tools = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in own]
    assert len(sent.system) + len(json.dumps(tools)) < 11_200
    listed = [line[2:].partition(":")[0] for line in sent.system.splitlines() if line.startswith("- ")]
    offered = {path.name for path in (PACKAGE / "skills").iterdir()}
    assert [line for line in listed if line in offered] == SKILLS.get(name, [])


async def test_a_root_is_privileged_and_begins_with_a_checker(work: Path) -> None:
    for llm in ScriptedLLM(["hello"]), Small(["hello"]):
        async with await Agent.build("@kt-biome/creatures/root", llm=llm, pwd=work, profile="default") as agent:
            await agent.run("hi")
            member = agent.plugin("terrarium").member
            assert list(member.graph.members) == ["root", "checker"]
        assert member.privileged
        names = [tool.name for tool in llm.requests[0].tools]
        assert {"group_spawn", "group_remove", "send_message"} <= set(names)
        assert "- checker (heard by checker)" in llm.requests[0].system


async def test_a_root_can_be_a_creature_of_another_team(work: Path) -> None:
    """There it has the rights of its place, and brings up no team of its own."""
    recipe = work / "terrarium.yaml"
    recipe.write_text("terrarium: {creatures: [{name: a}, {name: b, base: '@kt-biome/creatures/root'}]}\n")
    options: Any = {"llm": ScriptedLLM(["hello"]), "pwd": work, "guards": ["permissions"]}
    async with await Agent.build(str(recipe), **options) as agent:
        members = agent.plugin("terrarium").member.engine.members
        assert list(members) == ["a", "b"]
        assert not members["b"].privileged
