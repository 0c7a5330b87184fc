"""/skills, /init, and each skill as a command."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from kt import Host, Registry
from kt.errors import NotFound, UsageError
from kt.testing import ScriptedLLM, running
from kt_skills import chat_skills, kt_register
from kt_skills.chat import init, skills
from kt_skills.plugin import Skills

from .conftest import without_ours

Write = Callable[..., Path]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("home")]


async def test_skills_are_listed_with_where_they_are(repo: Path, home: Path, write_skill: Write) -> None:
    write_skill(repo / ".agents/skills", "haiku", description="|\n  Writes a haiku.\n  Use it for poems.")
    write_skill(home / ".agents/skills", "mail", description="Sends mail.")
    write_skill(repo / ".agents/skills", "bad", text="bad")
    async with running(plugins=["skills"], pwd=repo) as agent:
        first, second, shipped, left = (await skills(agent, "")).splitlines()
        assert re.split("  +", first) == ["/haiku", "Writes a haiku.", ".agents/skills/haiku"]
        assert re.split("  +", second) == ["/mail", "Sends mail.", str(home / ".agents/skills/mail")]
        assert shipped.startswith("/terrarium")
        assert len({line.index(place) for line, place in ((first, ".agents"), (second, str(home)))}) == 1
        assert left.startswith("! skill 'bad' is left out")
        with pytest.raises(UsageError):
            await skills(agent, "haiku")


async def test_without_skills_it_says_how_to_make_one(repo: Path) -> None:
    async with Host(without_ours()) as host, running(plugins=[Skills], pwd=repo, host=host) as agent:
        assert "SKILL.md" in await skills(agent, "")


async def test_a_skill_is_a_command_that_brings_its_instructions(repo: Path, home: Path, write_skill: Write) -> None:
    folder = write_skill(repo / ".agents/skills", "haiku", "Three lines.")
    (folder / "seasons.md").write_text("Frog: spring.")
    write_skill(home / ".agents/skills", "mail", "Be kind.")
    async with running(plugins=["skills"], pwd=repo) as agent:
        names = chat_skills.names(agent)
        assert names.pop("terrarium")
        assert names == {"haiku": "does it", "mail": "does it"}
        said = chat_skills.answer(agent, "haiku", " about frogs ").say
        assert said.startswith("Use the skill haiku: about frogs\n")
        assert "Skill haiku. Paths in it start from .agents/skills/haiku." in said
        assert "Three lines." in said
        assert said.endswith("Files in .agents/skills/haiku:\n- seasons.md")
        assert chat_skills.answer(agent, "mail", "").say.startswith("Use the skill mail.\n")
        with pytest.raises(NotFound) as raised:
            chat_skills.answer(agent, "haiko", "")
        assert "haiku" in raised.value.hint


async def test_a_long_description_is_cut(repo: Path, write_skill: Write) -> None:
    write_skill(repo / ".agents/skills", "long", description="word " * 100)
    async with running(plugins=["skills"], pwd=repo) as agent:
        about = chat_skills.names(agent)["long"]
    assert about.endswith(" ...")
    assert len(about) <= chat_skills.HELP


async def test_init_lets_the_model_write_the_instructions(repo: Path) -> None:
    steps = [[("write", {"path": "AGENTS.md", "content": "# Build\nmake\n"})], "written"]
    llm = ScriptedLLM(steps)
    async with running(llm, tools=["write"], pwd=repo, unguarded=True) as agent:
        asked = (await init(agent, "")).say
        assert asked.startswith("Write the file AGENTS.md of this project.")
        assert (await agent.run(asked)).ok
        assert llm.requests[0].messages[0].text == asked
        again = (await init(agent, "mention the database")).say
        assert again.startswith("Improve the file AGENTS.md")
        assert again.endswith("Above all: mention the database")


async def test_init_reads_the_instructions_that_were_written_for_others(repo: Path) -> None:
    (repo / "CLAUDE.md").write_text("Use tabs.")
    async with running(pwd=repo) as agent:
        asked = (await init(agent, "")).say
    assert asked.startswith("Write the file AGENTS.md of this project. There is CLAUDE.md already")


def test_all_of_them_are_registered() -> None:
    registry = Registry()
    kt_register(registry)
    assert registry.names("chat_command") == ["init", "skills"]
    assert registry.get("chat_commands", "skills") is chat_skills
