"""Skills of packs: offered to the pack's own creatures and to who names them, and to nobody else."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.errors import NotFound
from kt.events import Advice
from kt.testing import EventRecorder, ScriptedLLM

from .conftest import SHIPPED

Write = Callable[..., Path]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("home")]

CREATURE = "prompt: You write.\ntools: [skill]\n"
FOR_BARD = "---\nname: ode\ndescription: Writes an ode.\nmetadata: {creatures: bard poet}\n---\nPraise.\n"


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_skill: Write) -> Iterator[Path]:
    """Install the pack kt-pages: the skills limerick (for all) and ode, the creatures bard and clown, a team."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    package = tmp_path / "site" / "kt_pages"
    for creature in ("bard", "clown"):
        (package / "creatures" / creature).mkdir(parents=True)
        (package / "creatures" / creature / "creature.yaml").write_text(CREATURE)
    (package / "terrariums" / "choir").mkdir(parents=True)
    (package / "terrariums" / "choir" / "terrarium.yaml").write_text(
        "terrarium: {creatures: [{name: first, tools: [skill]}, {name: second, base: '@kt-pages/creatures/bard'}]}\n"
    )
    write_skill(package / "skills", "limerick", "Five lines.")
    write_skill(package / "skills", "ode", text=FOR_BARD)
    (package / "__init__.py").write_text("")
    info = tmp_path / "site" / "kt_pages-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kt-pages\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kt]\npages = kt_pages\n")
    importlib.invalidate_caches()
    yield package
    sys.modules.pop("kt_pages", None)


async def offered(creature: Any, pwd: Path, *names: str, use: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """Return the names of the skills in an agent's prompt, without our own, and what the tool returns for `names`."""
    llm = ScriptedLLM([[("skill", {"name": name}) for name in names], "done"] if names else ["done"])
    skills: Any = {"skills": {"use": list(use)}} if use else "skills"
    async with (
        Host(Plugins()) as host,
        await Agent.build(creature, llm=llm, plugins=[skills], pwd=pwd, host=host) as agent,
    ):
        lines = [line[2:].partition(":")[0] for line in agent.system.splitlines() if line.startswith("- ")]
        calls = (await agent.run("go")).tool_calls
    return [name for name in lines if name not in SHIPPED], [str(call.error or call.result) for call in calls]


async def test_a_creature_of_the_pack_is_offered_its_skills(pack: Path, repo: Path) -> None:
    listed, told = await offered("@kt-pages/creatures/bard", repo, "limerick", "ode")
    assert listed == ["limerick", "ode"]
    assert [text.splitlines()[2] for text in told] == ["Five lines.", "Praise."]


async def test_a_skill_may_be_for_some_creatures_of_its_pack(pack: Path, repo: Path) -> None:
    listed, told = await offered("@kt-pages/creatures/clown", repo, "ode")
    assert listed == ["limerick"]
    assert "there is no skill 'ode'" in told[0]


async def test_others_are_offered_none_but_can_name_one(pack: Path, repo: Path) -> None:
    other = {"tools": ["skill"]}
    assert (await offered(other, repo, "limerick"))[0] == []
    listed, told = await offered(other, repo, "ode", use=("@kt-pages/skills/ode",))
    assert listed == ["ode"]
    assert "Praise." in told[0]


async def test_the_tool_reads_a_skill_by_its_reference(pack: Path, repo: Path) -> None:
    _, told = await offered(
        {"tools": ["skill"]}, repo, "@kt-pages/skills/ode", "@kt-pages/skills/odd", "@kt-x/skills/a"
    )
    assert "Praise." in told[0]
    assert "has no skill 'odd'" in told[1]
    assert "no pack 'kt-x' is installed" in told[2]


@pytest.mark.parametrize("name", ["ode", "@kt-pages/ode", "@kt-pages/skills/../creatures", "@kt-pages/skills/."])
async def test_a_name_in_the_settings_that_leads_nowhere_ends_the_start(pack: Path, repo: Path, name: str) -> None:
    with pytest.raises(NotFound):
        await offered({"tools": ["skill"]}, repo, use=(name,))


async def test_a_folder_that_only_looks_like_a_pack_brings_nothing(pack: Path, repo: Path, write_skill: Write) -> None:
    fake = repo / "kt_pages"
    (fake / "creatures" / "bard").mkdir(parents=True)
    (fake / "creatures" / "bard" / "creature.yaml").write_text(CREATURE)
    write_skill(fake / "skills", "trap")
    assert (await offered(str(fake / "creatures" / "bard"), repo))[0] == []


async def test_the_project_s_own_skill_of_that_name_counts(pack: Path, repo: Path, write_skill: Write) -> None:
    write_skill(repo / ".agents/skills", "limerick", "Our way.")
    listed, told = await offered("@kt-pages/creatures/clown", repo, "limerick")
    assert listed == ["limerick"]
    assert "Our way." in told[0]


async def test_creatures_of_a_team_have_the_skills_of_their_file(pack: Path, repo: Path) -> None:
    """The first one is written in the recipe, for which no skill is meant in particular; the second one is a bard."""
    listed, _ = await offered("@kt-pages/terrariums/choir", repo)
    assert listed == ["limerick"]


async def test_a_skill_that_does_not_fit_is_named(pack: Path, repo: Path, write_skill: Write) -> None:
    write_skill(pack / "skills", "bad", text="---\nname: bad\n---\n")
    async with Host(Plugins()) as host:
        build = Agent.build(
            "@kt-pages/creatures/clown", llm=ScriptedLLM(["x"]), plugins=["skills"], pwd=repo, host=host
        )
        async with await build as agent:
            events = EventRecorder(agent)
            await agent.run("go")
    assert [advice.text for advice in events.of(Advice)] == [
        f"skill 'bad' is left out: it has no description ({pack}/skills/bad/SKILL.md)"
    ]
