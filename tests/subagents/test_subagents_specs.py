"""How a sub-agent is said: registered names, references, tables, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Creature, Host, Limits, Plugins
from kt.errors import ConfigError, DataError, KTError, UnknownName
from kt.testing import ScriptedLLM
from kt_subagents.spec import SubagentSpec

pytestmark = pytest.mark.anyio
ROLES = ["explore", "memory", "plan", "research", "review", "summarise", "worker"]


async def specs(*entries: Any, host: Host | None = None, creature: Any = None, **options: Any) -> Any:
    """Return the specs of an agent that is built of entries."""
    agent = await Agent.build(creature or {"name": "boss"}, llm=ScriptedLLM(), host=host, subagents=entries, **options)
    return agent.tools["task"].roster.specs  # type: ignore[attr-defined]


async def test_those_that_come_along() -> None:
    host = Host(Plugins())
    assert [e.name for e in host.registry.entries("subagent") if e.dist == "kt-subagents"] == ROLES
    found = await specs(*ROLES, host=host)
    assert list(found) == ROLES
    for spec in found.values():
        assert spec.description
        assert "Only your last message is seen" in spec.creature.prompt
        assert "data" in spec.creature.prompt
        assert all(host.registry.find("tool", tool) is not None for tool in spec.creature.tools)
    tools = {n: [host.registry.get("tool", tool) for tool in s.creature.tools] for n, s in found.items()}
    assert {n for n in tools if any(t.needs.writes for t in tools[n])} == {"worker"}
    assert {n for n in tools if any(t.needs.exec and t.effect != "read" for t in tools[n])} == {"worker"}
    assert {n for n in tools if any(t.needs.net for t in tools[n])} == {"research", "worker"}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_runs_behind_guards(role: str, boss: Any, make_cast: Any, task: Any, tmp_path: Path) -> None:
    def play(request: Any) -> Any:
        if request.system.startswith("You are boss"):
            return "done" if request.messages[-1].role == "tool" else [task(role, wait=True)]
        return "answered"

    guards = ["permissions", "sandbox"]
    async with boss(ScriptedLLM(play), role, guards=guards, pwd=tmp_path, sandbox="none") as agent:
        result = (await agent.run("go")).unwrap()
    assert result.tool_calls[0].result == f"[{role} s1]\nanswered"


async def test_a_table_over_a_registered_one() -> None:
    table = {"name": "look", "base": "explore", "tools": ["read"], "share": 1, "wait": True, "timeout": 5}
    found = await specs("explore", {**table, "limits": {"max_turns": 3}})
    look, explore = found["look"], found["explore"]
    assert look.creature.prompt == explore.creature.prompt
    assert look.creature.tools == ("read",)
    assert (look.wait, look.share, look.timeout, look.creature.limits) == (True, 1.0, 5, Limits(max_turns=3))
    assert (explore.wait, explore.share, explore.timeout) == (False, 0.5, None)


async def test_a_reference_is_looked_for_beside_the_creature(tmp_path: Path) -> None:
    (tmp_path / "boss.yaml").write_text("subagents: [./reviewer.yaml, {base: ./reviewer.yaml, name: other}, explore]\n")
    (tmp_path / "reviewer.yaml").write_text("description: Reviews\nprompt: You review.\n")
    found = await specs(creature=tmp_path / "boss.yaml")
    assert list(found) == ["reviewer", "other", "explore"]
    assert [s.creature.prompt for s in found.values()][:2] == ["You review."] * 2


async def test_a_creature_of_a_pack_and_values() -> None:
    mine = SubagentSpec("mine", Creature(name="mine"))
    found = await specs("@kt-biome/creatures/general", Creature(name="owl"), mine)
    assert list(found) == ["general", "owl", "mine"]
    assert found["mine"] is mine


async def test_a_pack_registers_one_as_a_table_or_a_function() -> None:
    plugins = Plugins()
    plugins.registry.owner = ("kt-owls", "1")
    plugins.registry.add("subagent", "owl", {"prompt": "You hoot.", "wait": True}, help="hoots")
    plugins.registry.add("subagent", "barn_owl", lambda: {"base": "owl", "description": "in the barn"}, help="hoots")
    found = await specs("owl", "barn_owl", host=Host(plugins))
    assert [(s.name, s.creature.prompt, s.wait) for s in found.values()] == [
        ("owl", "You hoot.", True), ("barn_owl", "You hoot.", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "error", "says"),
    [
        ("explorer", UnknownName, "did you mean explore"),
        ({"name": "a", "promt": "x"}, DataError, "unknown key 'promt' (boss: subagents.0). hint: did you mean prompt"),
        ({"name": "a", "limits": {"max_turn": 3}}, DataError, "boss: subagents.0.limits.max_turn"),
        ({"prompt": "x"}, DataError, "a sub-agent without a name"),
        ({"name": "a", "share": 0}, DataError, "share: 0 is not a number above 0 and up to 1"),
        ({"name": "a", "share": True}, DataError, "share: True is not a number"),
        ({"name": "a", "timeout": -1}, DataError, "timeout: -1 is not seconds"),
        ({"name": "a", "wait": "yes"}, DataError, "wait: 'yes' is not true or false"),
        (7, ConfigError, "7 is no sub-agent"),
        ("circle", ConfigError, "made of each other: circle -> ring -> circle"),
        ("no_table", DataError, "the sub-agent 'no_table' is no table"),
    ],
)
async def test_what_is_wrong_is_named(entry: Any, error: type[KTError], says: str) -> None:
    plugins = Plugins()
    plugins.registry.add("subagent", "circle", {"base": "ring"})
    plugins.registry.add("subagent", "ring", {"base": "circle"})
    plugins.registry.add("subagent", "no_table", lambda: "text")
    with pytest.raises(error) as caught:
        await specs(entry, host=Host(plugins))
    assert says in caught.value.line()


async def test_a_name_is_used_once() -> None:
    with pytest.raises(ConfigError, match="two sub-agents are named 'explore'"):
        await specs("explore", {"name": "explore"})


async def test_a_user_can_do_without() -> None:
    agent = await Agent.build({"subagents": ["explore"]}, llm=ScriptedLLM(), plugins=["no:subagents"])
    assert list(agent.tools) == []


async def test_a_profile_with_settings_costs_an_agent_without_sub_agents_nothing() -> None:
    async with await Agent.build({}, llm=ScriptedLLM(["hi"]), plugins=[{"subagents": {"depth": 1}}]) as agent:
        assert (await agent.run("hello")).unwrap().text == "hi"
        assert list(agent.tools) == []


async def test_a_variant_chooses_other_sub_agents() -> None:
    llm = ScriptedLLM()
    llm.variant = "compact"  # type: ignore[attr-defined]
    creature = {"subagents": ["explore"], "variants": {"compact": {"subagents": ["review"]}}}
    agent = await Agent.build(creature, llm=llm)
    assert list(agent.tools["task"].roster.specs) == ["review"]  # type: ignore[attr-defined]
