"""The pack that comes of an import declares what its creatures reach, as an installation looks at it."""

import tomllib
from pathlib import Path

import pytest
from kt import Plugins
from kt_import.command import main
from kt_marketplace.check import problems
from kt_marketplace.commands.install import install
from kt_marketplace.inspect import ours
from kt_marketplace.needs import Needs

from .conftest import Import, Made

ABOUT = "name: pond\nversion: 1.0.0\ndescription: A pond\nlicense: MIT\ncreatures: [{name: owl, description: hoots}]\n"
BASES = sorted(place for place in ours.CREATURES if place.startswith("creatures/") and "." not in place)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return the folder of a pack whose creature `owl` is to be written."""
    (tmp_path / "source/creatures/owl").mkdir(parents=True)
    (tmp_path / "source/kohaku.yaml").write_text(ABOUT)
    return tmp_path / "source"


def owl(source: Path, imported: Import, text: str) -> Made:
    (source / "creatures/owl/config.yaml").write_text(text)
    return imported("kohaku", source)


def manifest(made: Made) -> Needs:
    return Needs.parse(tomllib.loads(made.text("pond/kt-pack.toml"))["needs"], where="pond")


@pytest.mark.parametrize("place", BASES)
def test_what_a_base_reaches_is_declared(imported: Import, source: Path, place: str) -> None:
    reference = f"@kt-biome/{place}"
    known, declared = ours.reach_of(reference), manifest(owl(source, imported, f'base_config: "{reference}"\n'))
    assert known is not None
    assert not known.beyond(declared)
    assert not declared.beyond(known | (ours.CHANGING if known.exec else Needs()))  # programs change files


@pytest.mark.parametrize("role", sorted(ours.SUBAGENTS))
def test_what_a_role_reaches_is_declared_and_no_more(imported: Import, source: Path, role: str) -> None:
    declared = manifest(owl(source, imported, f"subagents: [{role}]\n"))
    assert not ours.SUBAGENTS[role].beyond(declared)
    assert not declared.beyond(ours.SUBAGENTS[role])


def test_a_team_of_others_is_declared(imported: Import, source: Path) -> None:
    (source / "kohaku.yaml").write_text(f"{ABOUT}terrariums: [{{name: nest}}]\n")
    (source / "terrariums/nest").mkdir(parents=True)
    team = '{name: nest, creatures: [{name: a, base_config: "@kt-biome/creatures/researcher"}]}'
    (source / "terrariums/nest/terrarium.yaml").write_text(f"terrarium: {team}\n")
    made = owl(source, imported, "tools: [write]\n")
    assert manifest(made).table() == {"reads": ["$WS"], "writes": ["$WS"], "net": ["*"]}


def test_hosts_and_variables_are_declared(imported: Import, source: Path) -> None:
    text = "llm: x\nbase_url: https://api.example.com:8443/v1\nsystem_prompt: 'In ${CITY} and ${DAY:May}.'\n"
    made = owl(source, imported, text)
    assert manifest(made).table() == {"net": ["api.example.com"], "secrets": ["CITY", "DAY"]}


def test_the_report_says_what_needs_are_for(imported: Import, source: Path) -> None:
    made = owl(source, imported, 'base_config: "@kt-biome/creatures/researcher"\ntools: [web_search, write]\n')
    page = made.text("IMPORT.md")
    assert "`needs.net` at" in page
    assert "kt-pack.toml: net *, for the tool web_search, what @kt-biome/creatures/researcher brings" in page
    assert "kt-pack.toml: writes $WS, for the tool write\n" in page


def test_what_is_not_installed_is_reported(imported: Import, source: Path) -> None:
    made = owl(source, imported, 'base_config: "@far-away/creatures/owl"\n')
    assert "what @far-away/creatures/owl reaches is not known (no sub-agent" in made.text("IMPORT.md")
    assert "far-away" not in made.text("pyproject.toml")


def test_the_result_is_checked_and_installed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    plugins = Plugins()
    (source / "creatures/owl/config.yaml").write_text(
        'base_config: "@kt-biome/creatures/general"\ntools: [read]\nsubagents: [worker]\n'
    )
    assert main(["kohaku", "source", "--to", "pond"], plugins) == 0
    assert "kt-biome" in tomllib.loads(Path("pond/pyproject.toml").read_text())["project"]["dependencies"]
    assert problems(Path("pond"), plugins) == []
    assert install(["./pond", "--yes"], plugins) == 0
    assert "pond 1.0.0" in capsys.readouterr().out
