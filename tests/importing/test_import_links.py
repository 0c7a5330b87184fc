"""A link of a source that leads out of it is not followed; one within it, or one that the user names, is."""

from pathlib import Path

import pytest
from kt.errors import DataError

from .conftest import Import

AGENT = "---\nname: {0}\ndescription: d\n---\nI am {0}.\n"
SKILL = "---\nname: leak\ndescription: d\n---\nthe secret\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / ".claude" / "agents").mkdir(parents=True)
    (folder / ".claude" / "agents" / "own.md").write_text(AGENT.format("own"))
    (tmp_path / "private" / "leak").mkdir(parents=True)
    (tmp_path / "private" / "leak" / "SKILL.md").write_text(SKILL)
    (tmp_path / "private" / "leak" / "config.yaml").write_text("name: leak\nsystem_prompt: the secret\n")
    return folder


def leaked(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and "the secret" in file.read_text()]


@pytest.mark.parametrize(
    ("link", "to"),
    [
        (".claude/agents/leak.md", "private/leak/SKILL.md"),
        (".claude/agents/more", "private/leak"),
        (".claude/commands/leak.md", "private/leak/SKILL.md"),
        (".claude/commands", "private"),
        (".claude/skills/leak/SKILL.md", "private/leak/SKILL.md"),
        (".claude/skills/leak", "private/leak"),
        (".claude/skills", "private"),
        ("agents", "private/leak"),
        ("CLAUDE.md", "private/leak/SKILL.md"),
    ],
)
def test_a_link_out_of_a_folder_is_left_out(
    imported: Import, source: Path, tmp_path: Path, link: str, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / link).parent.mkdir(parents=True, exist_ok=True)
    (source / link).symlink_to(tmp_path / to)
    made = imported("claude", source)
    assert (made.folder / "agents" / "own").is_dir()
    assert leaked(made.folder) == []
    assert any(line.startswith("dropped ") for line in capsys.readouterr().err.splitlines())


def test_a_link_within_the_source_is_followed(imported: Import, source: Path) -> None:
    (source / "other.md").write_text(AGENT.format("other"))
    (source / ".claude" / "agents" / "other.md").symlink_to("../../other.md")
    made = imported("claude", source)
    assert made.text("agents/other/prompt.md") == "I am other.\n"


def test_a_link_that_the_user_names_is_meant(imported: Import, source: Path, tmp_path: Path) -> None:
    (tmp_path / "name").symlink_to(source)
    assert imported("claude", tmp_path / "name").text("agents/own/prompt.md") == "I am own.\n"
    (tmp_path / "mine.md").symlink_to(source / ".claude" / "agents" / "own.md")
    made = imported("claude", tmp_path / "mine.md", "--force")
    assert made.text("prompt.md") == "I am own.\n"


def test_a_configuration_that_is_a_link_is_an_error(imported: Import, source: Path, tmp_path: Path) -> None:
    (source / "config.yaml").symlink_to(tmp_path / "private" / "leak" / "config.yaml")
    with pytest.raises(DataError, match="a link that leads out of the source"):
        imported("kohaku", source)
    assert not (tmp_path / "out").exists()


def test_a_base_that_is_a_link_is_an_error(imported: Import, source: Path, tmp_path: Path) -> None:
    (source / "a").mkdir()
    (source / "a" / "config.yaml").write_text("base_config: ../b\n")
    (source / "b").symlink_to(tmp_path / "private" / "leak")
    with pytest.raises(DataError, match="a link that leads out of the source"):
        imported("kohaku", source / "a")


@pytest.mark.parametrize("what", ["skills/leak/SKILL.md", "skills/leak", "creatures/leak/config.yaml"])
def test_a_pack_holds_nothing_of_others(imported: Import, source: Path, tmp_path: Path, what: str) -> None:
    kind, _, name = what.partition("/")
    (source / "kohaku.yaml").write_text(f"name: pond\n{kind}: [{{name: leak, path: {kind}/leak}}]\n")
    (source / what).parent.mkdir(parents=True)
    (source / what).symlink_to(tmp_path / "private" / name)
    if kind == "creatures":
        with pytest.raises(DataError, match="a link that leads out of the source"):
            imported("kohaku", source)
    else:
        assert leaked(imported("kohaku", source).folder) == []
