"""Skills in a real agent: the list in the prompt, the tool and its files, what is told and where it came from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, ToolRecord
from kt.events import Advice
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_skills.plugin import Skills
from kt_skills.tool import skill

from .conftest import without_ours

Write = Callable[..., Path]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("home")]


def agent_in(pwd: Path, *calls: dict[str, Any], **options: Any) -> Any:
    """Return a running agent with the tool and the plugin, whose model makes these calls at once."""
    steps = [[("skill", call) for call in calls], "done"] if calls else ["done", "done"]
    return running(ScriptedLLM(steps), tools=["skill"], plugins=["skills"], pwd=pwd, **options)


async def called(pwd: Path, *calls: dict[str, Any], **options: Any) -> list[ToolRecord]:
    async with agent_in(pwd, *calls, **options) as agent:
        return list((await agent.run("go")).unwrap().tool_calls)


async def test_the_prompt_has_a_line_a_skill(repo: Path, home: Path, write_skill: Write) -> None:
    write_skill(repo / ".agents/skills", "pdf", description=">-\n  reads\n  pages")
    write_skill(home / ".agents/skills", "mail", description="'sends: mail'")
    async with agent_in(repo) as agent:
        assert "\n\n- pdf: reads pages\n- mail: sends: mail\n- terrarium: " in agent.system
        assert "the tool skill" in agent.system
        assert "How pdf is done." not in agent.system
        write_skill(repo / ".claude/skills", "new")
        await agent.refresh_prompt()
        assert "- new: does it" in agent.system


async def test_without_the_tool_the_prompt_does_not_speak_of_skills(repo: Path, write_skill: Write) -> None:
    write_skill(repo / ".agents/skills", "pdf")
    write_skill(repo / ".agents/skills", "bad", text="bad")
    (repo / "AGENTS.md").write_text("Use tabs.")
    async with running(["hi"], plugins=["skills"], pwd=repo) as agent:
        events = EventRecorder(agent)
        await agent.run("hi")
        assert "pdf" not in agent.system
        assert "Use tabs." in agent.system
        assert events.of(Advice) == []


async def test_without_skills_the_prompt_has_no_section(repo: Path) -> None:
    async with (
        Host(without_ours()) as host,
        await Agent.build({}, llm=ScriptedLLM(), tools=[skill], plugins=[Skills], pwd=repo, host=host) as agent,
    ):
        assert agent.prompt == ()


async def test_what_does_not_fit_is_told_once_when_somebody_listens(repo: Path, write_skill: Write) -> None:
    write_skill(repo / ".agents/skills", "bad", text="---\nname: bad\n---\n")
    async with agent_in(repo) as agent:
        events = EventRecorder(agent)
        await agent.run("hi")
        await agent.refresh_prompt()
        await agent.run("hi")
        assert [advice.text for advice in events.of(Advice)] == [
            f"skill 'bad' is left out: it has no description ({repo}/.agents/skills/bad/SKILL.md)"
        ]


async def test_skills_without_room_in_the_prompt_are_counted(repo: Path, write_skill: Write) -> None:
    names = [f"{'s' * 60}{number:03}" for number in range(100)]
    for name in names:
        write_skill(repo / ".agents/skills", name)
    async with agent_in(repo, {"name": names[-1]}) as agent:
        events = EventRecorder(agent)
        assert "[41 more have no room here]" in agent.system
        result = await agent.run("hi")
        assert [advice.text for advice in events.of(Advice)] == ["41 of 101 skills have no room in the prompt"]
        assert result.tool_calls[0].error is None


async def test_the_tool_returns_the_instructions_and_the_list_of_files(repo: Path, write_skill: Write) -> None:
    fields = "---\nname: pdf\ndescription: d\ncompatibility: Needs\n  poppler\nallowed-tools: Bash\n---\n"
    folder = write_skill(repo / ".agents/skills", "pdf", text=f"{fields}# Pages\n\nRun scripts/count.py.\n")
    for name in ("scripts/count.py", "references/x.md", "assets/a b.txt", "scripts/__pycache__/c.pyc", ".git/config"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    (folder / "odd\nname").touch()
    (call,) = await called(repo, {"name": "pdf"})
    assert call.result == (
        "Skill pdf. Paths in it start from .agents/skills/pdf. It needs: Needs poppler\n\n"
        "# Pages\n\nRun scripts/count.py.\n\n"
        "Files in .agents/skills/pdf:\n"
        '- assets/a b.txt\n- "odd\\nname"\n- references/x.md\n- scripts/count.py'
    )


async def test_a_skill_of_the_user_is_read_where_other_tools_do_not_reach(
    repo: Path, home: Path, write_skill: Write
) -> None:
    folder = write_skill(home / ".agents/skills", "pdf", "Read x.md.")
    (folder / "x.md").write_text("X marks it.")
    calls = {"name": "pdf"}, {"name": "pdf", "file": "x.md"}
    whole, file = await called(repo, *calls)
    assert whole.result.startswith(f"Skill pdf. Paths in it start from {folder}.\n\nRead x.md.\n\nFiles in {folder}:\n")
    assert whole.result.endswith("the user must grant reads of the folder.")
    assert file.result == "X marks it."
    grant = [{"sandbox": {"reads": ["~/.agents/skills"]}}]
    async with running(ScriptedLLM([[("skill", calls[0])], "done"]), tools=["skill"], plugins=grant, pwd=repo) as agent:
        (granted,) = (await agent.run("go")).tool_calls
    assert granted.result == f"Skill pdf. Paths in it start from {folder}.\n\nRead x.md.\n\nFiles in {folder}:\n- x.md"


async def test_the_script_of_a_skill_is_run_with_bash(repo: Path, write_skill: Write) -> None:
    folder = write_skill(repo / ".agents/skills", "pdf")
    (folder / "run.sh").write_text("echo ran in $(basename $PWD)")
    steps = [[("skill", {"name": "pdf"})], [("bash", {"command": "sh .agents/skills/pdf/run.sh"})], "done"]
    settings = [{"permissions": {"mode": "auto"}}, {"sandbox": {"require": "none"}}]
    options = {"plugins": settings, "guards": ["permissions", "sandbox"], "pwd": repo}
    async with running(ScriptedLLM(steps), tools=["skill", "bash"], **options) as agent:
        _, ran = (await agent.run("go")).unwrap().tool_calls
    assert "ran in repo" in str(ran.result)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": "pfd"}, "there is no skill 'pfd' (did you mean pdf?)"),
        ({"name": "bad"}, "skill 'bad' can't be used: it has no description"),
        ({"name": "../pdf"}, "there is no skill '../pdf'"),
        ({"name": "pdf", "file": "reference/x.md"}, "skill 'pdf' has no file 'reference/x.md'"),
        ({"name": "pdf", "file": "x.md"}, "(known: logo.png, references/x.md)"),
        ({"name": "pdf", "file": "../bad/SKILL.md"}, "denied: '../bad/SKILL.md' leads out of the skill's folder"),
        ({"name": "pdf", "file": "/etc/hostname"}, "denied: '/etc/hostname' leads out of the skill's folder"),
        ({"name": "pdf", "file": "out"}, "denied: 'out' leads out of the skill's folder"),
        ({"name": "pdf", "file": "references"}, "'references' is no file"),
        ({"name": "pdf", "file": "logo.png"}, "'logo.png' of skill 'pdf' is a binary file"),
    ],
)
async def test_what_the_tool_refuses(arguments: dict[str, str], error: str, repo: Path, write_skill: Write) -> None:
    folder = write_skill(repo / ".agents/skills", "pdf")
    write_skill(repo / ".agents/skills", "bad", text="---\nname: bad\n---\n")
    (folder / "references").mkdir()
    (folder / "references/x.md").write_text("x")
    (folder / "logo.png").write_bytes(b"\x89PNG\0")
    (folder / "out").symlink_to("/etc/hostname")
    (call,) = await called(repo, arguments)
    assert error in str(call.error)


async def test_long_texts_are_cut_and_say_so(repo: Path, write_skill: Write) -> None:
    folder = write_skill(repo / ".agents/skills", "pdf", "b" * 60_000)
    (folder / "long.md").write_text("é" * 50_001)
    (folder / "whole.md").write_text("é" * 50_000)
    (folder / "empty.md").touch()
    files = ["long.md", "whole.md", "empty.md"]
    body, *texts = await called(repo, {"name": "pdf"}, *({"name": "pdf", "file": file} for file in files))
    assert "b" * 50_000 + "\n[cut after 50,000 characters]\n\nFiles in" in str(body.result)
    assert "b" * 50_001 not in str(body.result)
    cut = "é" * 50_000
    assert [t.result for t in texts] == [f"{cut}\n[cut after 50,000 characters]", cut, "(the file is empty)"]


async def test_many_files_are_counted(repo: Path, write_skill: Write) -> None:
    folder = write_skill(repo / ".agents/skills", "pdf")
    for number in range(103):
        (folder / f"{number:03}.md").touch()
    (call,) = await called(repo, {"name": "pdf"})
    assert str(call.result).endswith("- 099.md\n[... 3 more]")


async def test_a_projects_skill_is_a_file_and_the_users_own_is_the_users(
    repo: Path, home: Path, write_skill: Write
) -> None:
    write_skill(repo / ".agents/skills", "theirs")
    write_skill(home / ".agents/skills", "mine")
    guards = {"guards": ["permissions", "sandbox"]}
    async with agent_in(repo / "a", {"name": "mine"}, **guards) as agent:
        assert (await agent.run("go")).tool_calls[0].error is None
        assert agent.taint == set()
    async with agent_in(repo / "a", {"name": "theirs"}, **guards) as agent:
        assert (await agent.run("go")).tool_calls[0].error is None
        assert agent.taint == {"file"}


async def test_no_mode_of_the_guard_asks_about_reading_a_skill(repo: Path, home: Path, write_skill: Write) -> None:
    write_skill(home / ".agents/skills", "mine")
    for mode in ("plan", "ask", "accept-edits", "auto"):
        options = {"guards": ["permissions", "sandbox"], "plugins": ["skills", {"permissions": {"mode": mode}}]}
        async with running(
            ScriptedLLM([[("skill", {"name": "mine"})], "done"]), tools=["skill"], pwd=repo, **options
        ) as a:
            (call,) = (await a.run("go")).tool_calls
            assert call.error is None
