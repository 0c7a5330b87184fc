"""Recipes: what is wrong in one is told with its place; what is right becomes a team."""

from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Terrarium
from kt.errors import DataError, LimitReached, NotFound
from kt.testing import ScriptedLLM
from kt_terrarium.recipe import Recipe, load

from .conftest import says, told

pytestmark = pytest.mark.anyio

GOOD = """\
terrarium:
  name: team
  creatures:
    - name: lead
      prompt: Lead.
      channels: {can_send: [tasks]}
    - name: coder
      channels: {listen: [tasks]}
      output_wiring: [lead]
  channels:
    tasks: what is to be done
"""


def read(folder: Path, text: str) -> Recipe:
    (folder / "team.yaml").write_text(text)
    return load(Host().plugins, folder / "team.yaml")


@pytest.mark.parametrize(
    ("old", "new", "what", "line", "hint"),
    [
        ("  name: team", "  nme: team", "unknown key 'nme'", 2, "did you mean name"),
        ("      prompt: Lead.", "      promt: Lead.", "promt", 5, "prompt"),
        ("listen: [tasks]", "listen: [task]", "no channel 'task'", 8, "did you mean tasks"),
        ("[lead]", "[laed]", "no creature 'laed'", 9, "did you mean lead"),
        ("name: coder", "name: lead", "two creatures are called 'lead'", 7, ""),
        ("- name: coder", "- model: x", "needs a name", 7, ""),
        ("  name: team", "  root: boss", "no creature 'boss'", 2, "lead"),
        ("name: coder", "name: coder\n      pwd: ../out", "pwd leads out", 8, ""),
        ("name: coder", "name: coder\n      pwd: /etc", "pwd leads out", 8, ""),
        ("      prompt: Lead.", "      pwd: desk", "works in the terrarium's own folder", 3, ""),
        ("  name: team", "  limits: {max_turns: many}", "max_turns", 2, ""),
        ("  name: team", "  limits: {max_trns: 3}", "unknown key 'max_trns'", 2, "max_turns"),
        ("    tasks: what", "    spare: {}\n    tasks: what", "nobody is on the channel 'spare'", 11, ""),
        ("    tasks: what is to be done", "    tasks: {typ: queue}", "unknown key 'typ'", 11, "did you mean type"),
        ("    tasks: what is to be done", "    tasks: {capacity: big}", "capacity", 11, ""),
        ("    tasks: what is to be done", "    tasks: {type: pipe}", "pipe", 11, ""),
        ("    tasks: what is to be done", "    tasks: {capacity: 0}", "capacity", 11, ""),
        ("      prompt: Lead.", "      restart: sometimes", "restart", 5, ""),
        ("  creatures:", "  creatures: {}\n  others:", "unknown key 'others'", 4, ""),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, what: str, line: int, hint: str) -> None:
    assert read(tmp_path, GOOD).seats.keys() == {"lead", "coder"}
    with pytest.raises(DataError) as wrong:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert what in wrong.value.what
    assert f"team.yaml:{line}:" in wrong.value.where
    assert hint in wrong.value.hint


def test_a_base_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        read(tmp_path, GOOD.replace("prompt: Lead.", "base: ./nowhere"))


def test_a_terrarium_without_creatures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs creatures"):
        read(tmp_path, "terrarium: {}\n")
    with pytest.raises(DataError, match="no recipe"):
        read(tmp_path, "name: alone\n")


def test_an_entry_changes_its_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("prompt: Be brief.\ntools: [read, grep]\nllm: gpt\n")
    entry = "base: ./base.yaml\n      prompt: Lead.\n      tools: [grep, glob]"
    creature = read(tmp_path, GOOD.replace("prompt: Lead.", entry)).seats["lead"][1]
    assert (creature.name, creature.prompt) == ("lead", "Be brief.\n\nLead.")
    assert list(creature.tools or ()) == ["read", "grep", "glob"]
    assert creature.llm == "gpt"


async def test_a_recipe_becomes_a_team(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    text = GOOD.replace("  name: team", "  root: lead\n  limits: {max_creatures: 3}\n  environment: {goal: {x: 1}}")
    (tmp_path / "team.yaml").write_text(text.replace("name: coder", "name: coder\n      pwd: desk"))
    async with await Terrarium.from_recipe(tmp_path / "team.yaml", llm=says("done"), pwd=tmp_path) as engine:
        (graph,) = engine.graphs.values()
        lead, coder = graph.members.values()
        assert (graph.name, graph.root, lead.name) == ("team", lead, "lead")
        assert coder.agent.pwd == tmp_path / "desk"
        assert lead.agent.pwd == tmp_path
        assert engine.environment(coder) == {"goal": {"x": 1}}
        assert graph.channels["tasks"].description == "what is to be done"
        assert set(graph.channels) == {"tasks", "report_to_root", "coder"}  # it is a root that was named
        assert (lead.privileged, coder.privileged) == (True, False)
        await engine.add_creature({"name": "third"}, graph=lead)
        assert "third" in graph.channels
        with pytest.raises(LimitReached):
            await engine.add_creature({"name": "fourth"}, graph=lead)


async def test_without_a_root_the_first_is_run_but_not_promoted() -> None:
    recipe: dict[str, Any] = {"creatures": [{"name": "a", "output_wiring": ["b"]}, {"name": "b"}]}
    async with await Terrarium.from_recipe(recipe, llm=says("done")) as engine:
        (graph,) = engine.graphs.values()
        assert graph.root is engine.member("a")
        assert not graph.root.privileged
        assert not graph.channels
        assert (await engine.run("go")).text == "done"
        await engine.quiet()
        assert told(engine.member("b").agent) == ["[a] done"]


async def test_a_root_of_its_own_stands_above_the_others() -> None:
    recipe: dict[str, Any] = {"root": {"prompt": "Rule."}, "creatures": [{"name": "a"}, {"name": "b"}]}
    async with await Terrarium.from_recipe(recipe, llm=says("done")) as engine:
        (graph,) = engine.graphs.values()
        assert graph.root is engine.member("root")
        assert graph.root.agent.creature.prompt == "Rule."
        assert set(graph.channels) == {"report_to_root", "a", "b"}
        assert "group_spawn" in graph.root.agent.tools
        await engine.send("a", "hello", sender="root")
        await engine.quiet()
        assert told(engine.member("a").agent) == ["[#a] root: hello"]


async def test_a_recipe_with_too_many_creatures_leaves_nothing_behind() -> None:
    recipe: dict[str, Any] = {"limits": {"max_creatures": 1}, "creatures": [{"name": "a"}, {"name": "b"}]}
    async with Terrarium(llm=says()) as engine:
        with pytest.raises(LimitReached, match="2 creatures are too many"):
            await engine.apply_recipe(recipe)
        assert not engine.members
        assert not engine.graphs


async def test_an_agent_of_a_recipe_is_its_root_whose_start_brings_up_the_team(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(GOOD.replace("  name: team", "  root: lead"))

    def act(request: Any) -> Any:
        said = request.messages[-1]
        if "Lead." not in request.system:
            return "coded"
        if said.role == "tool":
            return "Wait."
        return f"So: {said.text}" if said.text.startswith("[coder]") else [
            ("send_message", {"channel": "tasks", "message": "code it"})
        ]  # fmt: skip

    agent = await Agent.build(str(tmp_path / "team.yaml"), llm=ScriptedLLM(act))
    assert (agent.name, agent.started) == ("lead", False)
    async with agent:
        engine = agent.plugin("terrarium").member.engine
        assert set(engine.members) == {"lead", "coder"}
        assert engine.member("coder").agent.started
        assert (await agent.run("go")).text == "So: [coder] coded"
    assert not engine.member("coder").agent.started
