"""The command: its exit codes, and that a folder is written whole or not at all."""

from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import NotFound, UsageError
from kt_import.command import main
from kt_import.write import CannotCreate

from .conftest import DATA, Import


def test_a_folder_that_is_there_stays(imported: Import) -> None:
    made = imported("kohaku", "kohaku/swe")
    (made.folder / "mine.txt").write_text("mine")
    with pytest.raises(CannotCreate) as error:
        imported("kohaku", "kohaku/team")
    assert error.value.exit_code == 73
    assert (made.folder / "mine.txt").read_text() == "mine"
    assert imported("kohaku", "kohaku/team", "--dry-run").code == 0
    assert imported("kohaku", "kohaku/team", "--force").code == 0
    assert sorted(path.name for path in made.folder.iterdir()) == ["IMPORT.md", "bases", "terrarium.yaml"]
    assert [path.name for path in made.folder.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("folder", ["", "."])
def test_force_does_not_replace_the_source_or_the_working_folder(
    folder: str, tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "owl"
    source.mkdir()
    (source / "config.yaml").write_text("name: owl\n")
    monkeypatch.chdir(source)
    with pytest.raises(CannotCreate):
        main(["kohaku", str(source), "--to", folder or str(tmp_path), "--force"], plugins)
    assert (source / "config.yaml").is_file()


def test_without_to_the_folder_has_the_sources_name(
    tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["kohaku", str(DATA / "kohaku/team")], plugins) == 0
    assert capsys.readouterr().out == "news-team/terrarium.yaml\n"
    assert (tmp_path / "news-team/terrarium.yaml").is_file()


@pytest.mark.parametrize("format", ["kohaku", "claude"])
def test_what_is_missing_is_not_found(format: str, tmp_path: Path, plugins: Plugins) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotFound) as error:
            main([format, str(path)], plugins)
        assert error.value.exit_code == 66


@pytest.mark.parametrize("argv", [["kohakoo", "x"], ["kohaku"], ["claude", "x", "--wrong"], []])
def test_a_command_line_that_does_not_fit(argv: list[str], plugins: Plugins) -> None:
    with pytest.raises(UsageError) as error:
        main(argv, plugins)
    assert "--help" in error.value.hint


def test_a_folder_that_can_not_be_made(plain_user: Path, plugins: Plugins) -> None:
    (plain_user / "closed").mkdir(mode=0o500)
    with pytest.raises(CannotCreate, match="Permission denied"):
        main(["kohaku", str(DATA / "kohaku/team"), "--to", str(plain_user / "closed/out")], plugins)


def test_control_characters_of_a_source_do_not_reach_the_terminal(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text('"evil\\e[2J": 1\n')
    imported("kohaku", tmp_path / "config.yaml")
    errors = capsys.readouterr().err
    assert "\x1b" not in errors
    assert "evil\\u001b[2J" in errors
