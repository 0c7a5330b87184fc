"""kt context: every character of the prompt is on the bill, once, under who put it there."""

import json
from pathlib import Path
from typing import Any

import kt as kernel
import pytest
from kt import Host, hookimpl
from kt.testing import running
from kt_cli.bill import Item, bill_of

pytestmark = pytest.mark.anyio
PARTS = """
from kt import hookimpl


class Parts:
    prompt_shares = [("skill", "baking", "- baking: bread"), ("skill", "absent", "- absent")]

    @hookimpl
    def kt_prompt(self):
        return "Skills:\\n- baking: bread"


@hookimpl
def kt_register(registry):
    registry.plugin("parts", "kt_parts:Parts")
"""


@kernel.tool(effect="read")
def echo(text: str) -> str:
    """Say "it" — again."""
    return text


class Section:
    def __init__(self, text: str) -> None:
        self.text = text

    @hookimpl
    def kt_prompt(self) -> str:
        return self.text


class First(Section):
    pass


class Second(Section):
    prompt_shares = (("server", "files", "two"), ("skill", "counting", "more", "kt-numbers 1.0"))


async def test_the_bill_adds_up_to_what_is_sent() -> None:
    plugins = [First("one"), Second("two and more")]
    creature = {"name": "owl", "prompt": "You are an owl."}
    async with running(["hi"], creature=creature, plugins=plugins, tools=[echo]) as agent:
        items = bill_of(agent)
        assert agent.system == "You are an owl.\n\none\n\ntwo and more"
        wire = {"name": "echo", "description": echo.description, "parameters": echo.parameters}
        size = len(json.dumps(wire, ensure_ascii=False, separators=(",", ":")))
        assert sum(item.characters for item in items) == len(agent.system) + size
    sizes = {(item.kind, item.name): item.characters for item in items}
    assert sizes == {
        ("creature", "owl"): 15, ("plugin", "First"): 5, ("plugin", "Second"): 7, ("server", "files"): 3,
        ("skill", "counting"): 4, ("tool", "echo"): size,
    }  # fmt: skip
    assert [item.characters for item in items] == sorted(sizes.values(), reverse=True)
    assert {item.name: item.origin for item in items if item.kind in ("server", "skill")} == {
        "files": "given", "counting": "kt-numbers 1.0"
    }  # fmt: skip


async def test_a_skill_is_of_the_pack_that_brings_it(tmp_path: Path) -> None:
    own = tmp_path / ".agents" / "skills" / "knots"
    own.mkdir(parents=True)
    (own / "SKILL.md").write_text("---\nname: knots\ndescription: Ties knots\n---\nTie.\n")
    async with running([], creature="@kt-biome/creatures/swe", plugins=["skills"], pwd=tmp_path) as agent:
        origins = {item.name: item.origin.partition(" ")[0] for item in bill_of(agent) if item.kind == "skill"}
    assert origins == {
        "bug-hunt": "kt-biome", "git-commit-flow": "kt-biome", "knots": "kt-skills", "terrarium": "kt-skills"
    }  # fmt: skip


async def test_a_share_of_a_tool_is_found_as_it_stands_in_json() -> None:
    tool = kernel.Tool(echo.function, name="task", description='- "quoted": a\n- plan: makes "plans"')
    tool.prompt_shares = [("subagent", "plan", '- plan: makes "plans"')]  # type: ignore[attr-defined]
    async with running(["hi"], tools=[tool]) as agent:
        whole, share = bill_of(agent)
    assert share == Item("subagent", "plan", whole.origin, len('- plan: makes \\"plans\\"'))


async def test_a_tool_says_itself_which_server_it_is_of() -> None:
    tool = kernel.Tool(echo.function)
    tool.origin = "mcp files"  # type: ignore[attr-defined]
    async with running(["hi"], tools=[tool]) as agent:
        assert [item.origin for item in bill_of(agent)] == ["mcp files"]


async def test_a_tool_is_of_its_distribution_or_of_its_file() -> None:
    async with Host() as host:
        read = host.registry.get("tool", "read")
    async with running(["hi"], tools=[read, echo]) as agent:
        origins = {item.name: item.origin for item in bill_of(agent)}
    assert origins["read"] == "kt-builtin-tools"
    assert origins["echo"].endswith(f"test_cli_context.py:{echo.function.__code__.co_firstlineno}")


def test_a_creatures_bill(kt: Any, plugin: Any) -> None:
    plugin("parts", PARTS)
    (kt.folder / "c.yaml").write_text("name: tester\nprompt: You test.\nplugins: [parts]\ntools: ['./tools.py:echo']\n")
    done = kt("context", "./c.yaml", "--json")
    assert done.code == 0, done.err
    bill = json.loads(done.out)
    rows = {(row["kind"], row["name"]): row for row in bill["rows"]}
    assert rows["creature", "tester"]["characters"] == len("You test.")
    assert rows["skill", "baking"]["characters"] == len("- baking: bread")
    assert rows["skill", "baking"]["origin"] == "kt-parts 1.2"
    assert ("skill", "absent") not in rows
    assert rows["tool", "echo"]["origin"].startswith("tools.py:")
    assert (bill["estimate"], bill["characters_per_token"]) == (True, 4)
    assert bill["characters"] == sum(row["characters"] for row in bill["rows"])
    assert sum(row["percent"] for row in bill["rows"]) == pytest.approx(100, abs=0.5)
    shown = kt("context", "./c.yaml").out
    assert "tokens are an estimate, 4 characters each; characters are exact" in shown
    assert shown.splitlines()[-1].split()[2:] == [str(bill["characters"]), "total"]


def test_a_creature_without_a_prompt_has_an_empty_bill(kt: Any) -> None:
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text("[profile.bare]\n")
    (kt.folder / "plain.toml").write_text('name = "plain"\n')
    bill = json.loads(kt("context", "./plain.toml", "--profile", "bare", "--json").out)
    assert (bill["characters"], bill["tokens"], bill["rows"]) == (0, 0, [])
    assert kt("context", "./plain.toml", "--profile", "bare").code == 0


def test_a_creature_that_is_not_there(kt: Any) -> None:
    assert kt("context", "./nowhere").code == 66
