"""The user's settings and a trusted project's: where they are looked for, model presets, and how one is written."""

import tomllib
from pathlib import Path

import pytest
from kt.errors import DataError
from kt_config.home import config_file, config_folder
from kt_config.settings import Settings, presets, set_model
from kt_config.trust import trust


def write(home: Path, text: str) -> Path:
    (home / "config.toml").write_text(text)
    return home / "config.toml"


def test_home_is_the_platforms_folder_where_kt_home_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_file().parent == config_folder()
    monkeypatch.delenv("KT_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_folder().is_relative_to(tmp_path)
    assert config_folder().name == "kterrarium"


def test_presets_are_tables_whatever_they_were_written_as(home: Path) -> None:
    assert presets() == {}
    write(
        home, 'model = "fast"\n[models]\nfast = "openai/small"\n[models.big]\nmodel = "openai/big"\neffort = "high"\n'
    )
    assert presets() == {
        "fast": {"model": "openai/small"},
        "big": {"model": "openai/big", "effort": "high"},
        "default": {"model": "openai/small"},
    }


def test_the_model_at_the_top_is_the_default_preset(home: Path) -> None:
    write(home, 'model = "openai/x"\n')
    assert presets() == {"default": {"model": "openai/x"}}
    write(home, 'model = "openai/x"\n[models.default]\nbase_url = "http://localhost"\n')
    assert presets() == {"default": {"base_url": "http://localhost"}}


def test_a_preset_may_name_another_and_change_its_settings(home: Path) -> None:
    write(
        home,
        'model = "quick"\n[models]\nquick = {model = "slow", effort = "low"}\n'
        'slow = {model = "openai/x", effort = "high", settings = {seed = 1}}\n'
        'own = {provider = "openai", model = "slow"}\nserver = {base_url = "http://x", model = "slow"}\n',
    )
    found = presets()
    assert found["quick"] == {"model": "openai/x", "effort": "low", "settings": {"seed": 1}}
    assert found["default"] == found["quick"]
    assert found["own"] == {"provider": "openai", "model": "slow"}
    assert found["server"] == {"base_url": "http://x", "model": "slow"}


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ('a = "a"\n', "2:1", "(a -> a)"),
        ('a = "b"\nb = "a"\n', "3:1", "(a -> b -> a)"),
        ('x = "openai/x"\na = "b"\nb = "c"\nc = "b"\n', "5:1", "(a -> b -> c -> b)"),
    ],
)
def test_presets_in_a_circle_are_placed(home: Path, text: str, where: str, says: str) -> None:
    file = write(home, f"[models]\n{text}")
    with pytest.raises(DataError) as raised:
        presets()
    assert says in raised.value.what
    assert raised.value.where == f"{file}:{where}"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ('modle = "x"\n', "1:1", "unknown key 'modle'"),
        ("model = 3\n", "1:1", "model must be text"),
        ("\nmodels = 3\n", "2:1", "models must be a table"),
        ("[models]\nfast = 3\n", "2:1", "'fast' needs `model`"),
        ("[models.fast]\neffort = 'high'\n", "1:2", "'fast' needs `model`"),
        ("model = \n", "1:9", "broken TOML"),
        ("creature = ['x']\n", "1:1", "creature must be text"),
    ],
)
def test_settings_that_make_no_sense_are_placed(home: Path, text: str, where: str, says: str) -> None:
    file = write(home, text)
    with pytest.raises(DataError) as raised:
        presets()
    assert says in raised.value.what
    assert raised.value.where == f"{file}:{where}"


def test_settings_that_are_not_utf8_are_refused(home: Path) -> None:
    (home / "config.toml").write_bytes(b"model = '\xff'\n")
    with pytest.raises(DataError, match="can't read it"):
        presets()


@pytest.mark.parametrize(
    "text",
    [
        "",
        'model = "old"\n',
        '# mine\nmodel="old" # why\ncreature = "x"\n\n[models.a]\nmodel = "stays"\n',
        '[models.a]\nmodel = "stays"\n',
        'creature = "x"',
        '\n\n[profile.ci]\nplugins = ["a"]\n[models.a]\nmodel = "stays"',
    ],
)
@pytest.mark.parametrize("name", ["openai/x", 'odd "name" \\1 \\g<0>'])
def test_a_model_is_written_and_the_rest_stays(home: Path, text: str, name: str) -> None:
    file = write(home, text)
    assert set_model(name) == file
    before, after = tomllib.loads(text), tomllib.loads(file.read_text())
    assert after == before | {"model": name}
    kept = [line for line in text.splitlines() if not line.startswith("model") or "stays" in line]
    assert [line for line in file.read_text().splitlines() if not line.startswith('model = "o')] == kept
    assert [p.name for p in home.iterdir()] == ["config.toml"]


def test_a_model_is_written_where_no_folder_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_HOME", str(home / "new" / "deep"))
    assert tomllib.loads(set_model("x").read_text()) == {"model": "x"}


class TestProject:
    """The nearest .kt/config.toml."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        folder = tmp_path / "outer" / "project"
        (folder / ".kt").mkdir(parents=True)
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / ".kt" / "config.toml").write_text('creature = "./mine.yaml"\n')
        return folder

    def test_it_counts_once_its_folder_is_trusted(self, project: Path) -> None:
        settings = Settings(project / "deep" / "er")
        assert settings.ignored == project / ".kt" / "config.toml"
        assert settings.creature == (None, None)
        trust(project)
        settings = Settings(project / "deep" / "er")
        assert settings.ignored is None
        assert settings.creature == ("./mine.yaml", project)

    def test_trust_in_a_folder_below_it_is_not_trust_in_it(self, project: Path) -> None:
        trust(project / "deep")
        assert Settings(project / "deep").creature == (None, None)

    def test_the_users_creature_comes_second(self, home: Path, project: Path) -> None:
        write(home, 'creature = "@kt-biome/creatures/swe"\n')
        assert Settings(project).creature == ("@kt-biome/creatures/swe", home)
        trust(project)
        assert Settings(project).creature == ("./mine.yaml", project)

    def test_it_is_not_looked_for_beyond_the_repository(self, project: Path) -> None:
        (project / "deep" / ".git").mkdir()
        assert Settings(project / "deep" / "er").project_file is None
        (project / "deep" / ".git").rmdir()
        assert Settings(project / "deep" / "er").project_file == project / ".kt" / "config.toml"

    def test_it_is_not_looked_for_beyond_the_home_folder(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(project / "deep"))
        assert Settings(project / "deep" / "er").project_file is None
