"""A `.claude`, or a part of it, imports as the folder that holds it does; instructions bring what they name."""

from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import NotFound
from kt_import.command import main

from .conftest import DATA, Import

CLAUDE = DATA / "claude/.claude"


def written(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a CLAUDE.md to be written, and files that it may name."""
    (tmp_path / "shop/docs").mkdir(parents=True)
    (tmp_path / "shop/docs/x.md").write_text("Be brief. See @y.md\n")
    (tmp_path / "shop/docs/y.md").write_text("Be kind. Back to @x.md.\n")
    (tmp_path / "shop/docs/logo.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "secret.md").write_text("a secret")
    return tmp_path / "shop"


def test_a_claude_folder_itself_is_imported_once(imported: Import, capsys: pytest.CaptureFixture[str]) -> None:
    whole = written(imported("claude", "claude").folder)
    told = capsys.readouterr().err
    made = imported("claude", CLAUDE, "--force")
    assert written(made.folder) == whole
    assert [path.name for path in sorted((made.folder / "agents").iterdir())] == ["fixer", "reviewer"]
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(("inside", "said"), [(".", "."), (".", "../.claude"), ("agents", "..")])
def test_a_claude_folder_is_found_from_within(
    imported: Import, tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch, inside: str, said: str
) -> None:
    whole = written(imported("claude", "claude").folder)
    monkeypatch.chdir(CLAUDE / inside)
    assert main(["claude", said, "--to", str(tmp_path / "other")], plugins) == 0
    assert written(tmp_path / "other") == whole


@pytest.mark.parametrize(
    ("part", "holds"),
    [
        ("agents", "agents/fixer/creature.yaml"),
        ("skills", ".agents/skills/pdf-tools/SKILL.md"),
        ("commands", ".agents/skills/git-commit/SKILL.md"),
    ],
)
def test_a_part_alone_is_imported(imported: Import, part: str, holds: str) -> None:
    made = imported("claude", CLAUDE / part)
    assert {holds, "main/creature.yaml", "IMPORT.md"} <= written(made.folder)
    assert "AGENTS.md" not in written(made.folder)
    assert all(
        path.startswith((holds.rpartition("/")[0].rpartition("/")[0], "main/", "IMPORT"))
        for path in written(made.folder)
    )


def test_a_project_that_is_called_like_a_part_is_whole(imported: Import, tmp_path: Path) -> None:
    skill = tmp_path / "skills/skills/owl"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("Hoot.\n")
    (tmp_path / "skills/CLAUDE.md").write_text("Be quiet.\n")
    made = imported("claude", tmp_path / "skills")
    assert {"AGENTS.md", ".agents/skills/owl/SKILL.md"} <= written(made.folder)


def test_a_folder_of_another_name_is_none(imported: Import, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.md").write_text("a note")
    with pytest.raises(NotFound, match="no agents, skills, commands") as error:
        imported("claude", tmp_path / "notes")
    assert "skills" in error.value.hint


def test_a_file_that_a_sentence_names_comes_along(
    imported: Import, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "CLAUDE.md").write_text("Careful.\nSee @docs/x.md, please.\n@docs/y.md\n")
    made = imported("claude", project)
    assert made.text("AGENTS.md") == "Careful.\nSee @docs/x.md, please.\n@docs/y.md\n"
    assert (made.text("docs/x.md"), made.text("docs/y.md")) == (
        "Be brief. See @y.md\n",
        "Be kind. Back to @x.md.\n",
    )
    told = capsys.readouterr().err
    assert f"changed @docs/x.md at {project}/CLAUDE.md:2:5: docs/x.md: " in told
    assert f"kept @docs/y.md at {project}/CLAUDE.md:3:1: docs/y.md" in told
    assert f"changed @y.md at {project}/docs/x.md:1:15: docs/y.md: " in told


def test_a_name_follows_the_file_it_stands_in(imported: Import, project: Path) -> None:
    (project / ".claude").mkdir()
    (project / ".claude/CLAUDE.md").write_text("@../docs/x.md\nSee @../docs/y.md.\n")
    made = imported("claude", project)
    assert made.text("AGENTS.md") == "@docs/x.md\nSee @docs/y.md.\n"
    assert made.text("docs/x.md") == "Be brief. See @y.md\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("See @docs/none.md.", "dropped @docs/none.md at {}:1:5: no file of the folder"),
        ("See @../secret.md", "dropped @../secret.md at {}:1:5: no file of the folder"),
        ("See @~/own.md", "dropped @~/own.md at {}:1:5: no file of the folder"),
        ("See @docs/logo.png", "dropped @docs/logo.png at {}:1:5: not UTF-8"),
        ("@nobody", "dropped @nobody at {}:1:1: no file of the folder"),
        (f"@{'x/' * 3000}y.md", "dropped @x/"),
    ],
)
def test_what_a_name_does_not_bring_is_reported(
    imported: Import, project: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    (project / "CLAUDE.md").write_text(text)
    made = imported("claude", project)
    assert made.text("AGENTS.md") == text
    assert why.format(project / "CLAUDE.md") in capsys.readouterr().err
    assert "a secret" not in "".join((made.folder / path).read_text() for path in written(made.folder))


@pytest.mark.parametrize("text", ["ask @alice or a@docs/x.md", "`@docs/x.md`", "```\n@docs/x.md\n```\n"])
def test_what_is_no_name_of_a_file_is_text(
    imported: Import, project: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (project / "CLAUDE.md").write_text(text)
    assert "docs/x.md" not in written(imported("claude", project).folder)
    assert " @" not in "".join(line for line in capsys.readouterr().err.splitlines() if "CLAUDE.md" in line)


def test_two_names_of_one_file_are_one_text(imported: Import, project: Path) -> None:
    (project / "AGENTS.md").write_text("Be quick.\n")
    (project / "CLAUDE.md").symlink_to("AGENTS.md")
    assert imported("claude", project).text("AGENTS.md") == "Be quick.\n"


def test_instructions_that_name_each_other_stand_once(imported: Import, project: Path) -> None:
    (project / "AGENTS.md").write_text("Be quick.\n")
    (project / "CLAUDE.md").write_text("@AGENTS.md\nBe calm.\n")
    assert imported("claude", project).text("AGENTS.md") == "@AGENTS.md\nBe calm.\n\nBe quick.\n"


@pytest.mark.parametrize("where", ["settings.json", "agents/own.md"])
def test_hooks_are_run_by_the_plugin_that_runs_them(
    imported: Import, project: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    (project / ".claude/agents").mkdir(parents=True)
    (project / ".claude/agents/own.md").write_text("---\nname: own\nhooks: {Stop: [x]}\n---\nI am own.\n")
    (project / ".claude/settings.json").write_text('{"hooks": {"Stop": [{"command": "true"}]}}')
    imported("claude", project)
    lines = [line for line in capsys.readouterr().err.splitlines() if where in line and "dropped hooks" in line]
    assert lines
    assert all("shell_hooks" in line and "docs/shell_hooks.md" in line for line in lines)
