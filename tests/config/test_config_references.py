"""From a reference to a file: names, packs, paths, and no way out of a pack."""

from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import NotFound
from kt_config.references import creatures_of, find, is_reference


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the package folder of the pack `@kt-deep`, on the import path."""
    root = tmp_path / "site" / "kt_deep"
    for name in ("one", "two"):
        (root / "creatures" / name).mkdir(parents=True)
        (root / "creatures" / name / "creature.yaml").write_text(f"name: {name}\n")
    (root / "creatures" / "three.toml").write_text('name = "three"\n')
    (root / "__init__.py").write_text("raise AssertionError('a reference imports nothing')\n")
    monkeypatch.syspath_prepend(str(root.parent))
    return root


@pytest.mark.parametrize("text", ["@x", "./x", "../x", ".", "/etc/x", "x.yaml", "x.yml", "x.toml", "here"])
def test_a_creature_looks_like_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert is_reference(text)


@pytest.mark.parametrize("text", ["", "say hi", "there", "x.py", "~/x", "a\n./b.yaml", "./" + "x" * 2000, "x" * 500])
def test_a_prompt_looks_like_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_reference(text)


def test_a_pack_is_found_without_being_imported(plugins: Plugins, pack: Path) -> None:
    assert find(plugins, "@kt-deep/creatures/one") == pack / "creatures" / "one" / "creature.yaml"
    assert find(plugins, "@kt-deep/creatures/three.toml") == pack / "creatures" / "three.toml"
    assert find(plugins, "@kt-deep/creatures/two/creature.yaml") == pack / "creatures" / "two" / "creature.yaml"


def test_the_creatures_of_a_pack_are_listed_as_references_that_work(plugins: Plugins, pack: Path) -> None:
    (pack / "creatures" / "__pycache__").mkdir()
    (pack / "creatures" / "README.md").write_text("no creature")
    references = creatures_of(plugins, "kt-deep")
    assert references == ["@kt-deep/creatures/one", "@kt-deep/creatures/three.toml", "@kt-deep/creatures/two"]
    for reference in references:
        assert find(plugins, reference).is_file()


def test_a_pack_without_creatures_has_none(plugins: Plugins) -> None:
    assert creatures_of(plugins, "kt-core") == []
    assert creatures_of(plugins, "kt-not-there") == []


@pytest.mark.parametrize(
    "inside", ["..", "../kt_config/settings.py", "creatures/../../other", "creatures/link", "creatures/one/link.yaml"]
)
def test_nothing_leads_out_of_a_pack(plugins: Plugins, pack: Path, inside: str) -> None:
    outside = pack.parent / "other"
    outside.mkdir()
    (outside / "creature.yaml").write_text("name: outside\n")
    (pack / "creatures" / "link").symlink_to(outside)
    (pack / "creatures" / "one" / "link.yaml").symlink_to(outside / "creature.yaml")
    with pytest.raises(NotFound, match="leads out of its pack"):
        find(plugins, f"@kt-deep/{inside}")


def test_a_link_inside_a_pack_is_followed(plugins: Plugins, pack: Path) -> None:
    (pack / "creatures" / "alias").symlink_to(pack / "creatures" / "one")
    assert find(plugins, "@kt-deep/creatures/alias").read_text() == "name: one\n"


@pytest.mark.parametrize(
    ("reference", "what", "hint"),
    [
        ("@kt-deep/creatures/onee", "has no 'creatures/onee'", "did you mean one?"),
        ("@kt-deep/creatures", "no creature.yaml", ""),
        ("@kt-deap/creatures/one", "no pack 'kt-deap'", "kt install @kt-deap"),
        ("@kt-biom/creatures/general", "no pack 'kt-biom'", "did you mean kt-biome, "),
        ("@/creatures/one", "names no pack", "write @pack/creatures/name"),
        ("@../x", "no pack '..'", "kt install @.."),
        ("genral", "no creature 'genral'", "did you mean general?"),
        ("./onee", "no creature './onee'", "did you mean one?"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(
    plugins: Plugins, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, what: str, hint: str
) -> None:
    (tmp_path / "cwd" / "one").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "cwd")
    with pytest.raises(NotFound, match=what) as raised:
        find(plugins, reference)
    assert hint in raised.value.hint


def test_a_registered_name_is_found(plugins: Plugins) -> None:
    assert find(plugins, "general").parts[-3:] == ("creatures", "general", "creature.yaml")


def test_a_path_starts_at_its_base_or_at_home(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "x.yaml").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find(plugins, "x.yaml", base=tmp_path / "base") == tmp_path / "base" / "x.yaml"
    assert find(plugins, "~/base/x.yaml") == tmp_path / "base" / "x.yaml"


@pytest.mark.parametrize("name", ["creature.yaml", "creature.yml", "creature.toml", "terrarium.yaml", "config.yaml"])
def test_a_folder_stands_for_the_file_in_it(plugins: Plugins, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / name).write_text("")
    assert find(plugins, str(folder)) == folder / name
