"""Agents, skills and commands of Claude Code become creatures and skills, and run."""

from pathlib import Path

import pytest
from kt import Agent
from kt.testing import ScriptedLLM
from kt_skills.skill import load

from .conftest import DATA, Import

pytestmark = pytest.mark.anyio
AGENTS = DATA / "claude/.claude/agents"


async def test_agents_become_sub_agents_of_a_main_creature(imported: Import) -> None:
    made = imported("claude", "claude")
    async with await Agent.build(made.folder / "main", llm=ScriptedLLM([])) as agent:
        specs = agent.plugin("subagents").specs
    assert list(specs) == ["fixer", "reviewer"]
    assert specs["reviewer"].creature.tools == ("read", "grep", "bash")
    assert specs["reviewer"].creature.llm == "anthropic/claude-sonnet-4-5"
    assert specs["reviewer"].creature.prompt == "You review. Say {{ what }} is wrong."
    assert specs["fixer"].creature.limits.max_turns == 12
    assert "web_search" not in specs["fixer"].creature.tools
    assert "edit" in specs["fixer"].creature.tools


def test_skills_and_commands_are_skills_that_our_reader_takes(imported: Import) -> None:
    skills = imported("claude", "claude").folder / ".agents/skills"
    found = {folder.name: load(folder, own=True) for folder in skills.iterdir()}
    assert sorted(found) == ["git-commit", "pdf-tools"]
    assert found["pdf-tools"].allowed_tools == ("Read", "Bash")
    assert "$ARGUMENTS" in (skills / "git-commit/SKILL.md").read_text()


async def test_the_folder_is_one_to_work_in(imported: Import) -> None:
    made = imported("claude", "claude")
    creature = made.folder / "main"
    async with await Agent.build(creature, llm=ScriptedLLM([]), pwd=made.folder) as agent:
        assert "- pdf-tools: Reads PDFs." in agent.system
        assert "Run make.\nMore." in agent.system


@pytest.mark.parametrize(
    "line",
    [
        "changed --- at {}/agents/reviewer.md:1:1: it is no YAML",
        "changed tools.2 at {}/agents/reviewer.md:4:1: tools: bash; (git diff:*, git log:*) is a rule",
        "dropped tools.3 at {}/agents/reviewer.md:4:1: MCP",
        "dropped tools.4 at {}/agents/reviewer.md:4:1: a creature with sub-agents has the tool task",
        "dropped color at {}/agents/reviewer.md:6:1: ",
        "dropped permissions.allow.0 at {}/settings.json:1:28: say it in config.toml",
        "dropped hooks.PreToolUse.0.matcher at {}/settings.json:1:83: ",
        "dropped $ARGUMENTS at {}/commands/git/commit.md:5:13: ",
        "changed /git-commit at {}/commands/git/commit.md:1:1: .agents/skills/git-commit",
        "changed model at {}/skills/pdf/SKILL.md:5:1: metadata.model",
        "changed name at {}/skills/pdf/SKILL.md:2:1: pdf-tools",
        "kept CLAUDE.md at ",
        "dropped @missing.md at ",
    ],
)
def test_the_report_names_everything(imported: Import, capsys: pytest.CaptureFixture[str], line: str) -> None:
    imported("claude", "claude")
    assert line.format(DATA / "claude/.claude") in capsys.readouterr().err


async def test_one_agent_is_one_creature(imported: Import) -> None:
    made = imported("claude", AGENTS / "fixer.md")
    async with await Agent.build(made.folder, llm=ScriptedLLM([])) as agent:
        assert agent.system.startswith("You mend.")
    assert agent.creature.description == "Mends what $ {TEAM} found"


def test_one_skill_is_one_skill(imported: Import) -> None:
    made = imported("claude", "claude/.claude/skills/pdf")
    assert load(made.folder / ".agents/skills/pdf-tools", own=True).description == "Reads PDFs."


def test_a_skill_keeps_its_files_but_no_links_and_nothing_hidden(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "talk"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text("Speak slowly.\n")
    (folder / "scripts/talk.bin").write_bytes(b"\xff\x00")
    (folder / ".env").write_text("a secret")
    (folder / "host").symlink_to("/etc/hostname")
    made = imported("claude", folder).folder / ".agents/skills/talk"
    assert sorted(path.name for path in made.rglob("*")) == ["SKILL.md", "scripts", "talk.bin"]
    assert (made / "scripts/talk.bin").read_bytes() == b"\xff\x00"
    assert load(made, own=True).description == "Speak slowly."
    errors = capsys.readouterr().err
    assert "dropped .env at" in errors
    assert "dropped host at" in errors
