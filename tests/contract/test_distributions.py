"""Every distribution of the workspace: its names agree, and it says what it is."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins
from kt_marketplace.check import report

ROOT = Path(__file__).parent.parent.parent
FOLDERS = sorted(
    p.parent for pattern in ("*", "providers/*", "plugins/*") for p in ROOT.glob(f"{pattern}/pyproject.toml")
)
SPECIAL = {"kernel": ("kt-core", "kt"), "cli": ("kterrarium", "kt_cli")}
"""The two whose distribution is not named after their folder."""

LOADED = Plugins()


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: str(f.relative_to(ROOT)))
def test_folder_distribution_package_and_entry_agree(folder: Path) -> None:
    data = project(folder)
    names = data["project"]["name"], data["tool"]["uv"]["build-backend"]["module-name"]
    expected = f"kt-{folder.name.replace('_', '-')}", f"kt_{folder.name}"
    assert names == SPECIAL.get(folder.name, expected)
    entries = data["project"].get("entry-points", {}).get("kt", {})
    assert list(entries) == ([] if folder.name in LIBRARIES else [folder.name])
    for target in entries.values():
        assert target.partition(".")[0] == names[1]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_distribution_is_typed_and_described(folder: Path) -> None:
    data = project(folder)
    assert (folder / data["tool"]["uv"]["build-backend"]["module-name"] / "py.typed").is_file()
    assert data["build-system"]["build-backend"] == "uv_build"
    assert data["project"]["license"] == "Apache-2.0"
    assert data["project"]["requires-python"] == ">=3.11"
    assert len(data["project"]["description"]) > 20
    assert (folder / data["project"]["readme"]).read_text().startswith("# ")


LIBRARIES = ("kernel", "compose")
"""What is imported, and registers nothing."""
ON_PURPOSE = ("kt-keyring",)
"""What `kterrarium[all]` leaves out: where kt-keyring is, keys go to the keyring of the system."""


def test_every_distribution_of_the_workspace_is_installed_and_loads() -> None:
    installed = {point.dist for point, _ in LOADED.modules.values()}
    assert {project(f)["project"]["name"] for f in FOLDERS} - {"kt-core", "kt-compose", *ON_PURPOSE} <= installed
    assert LOADED.failed == {}


@pytest.mark.parametrize("point", [p for p, _ in LOADED.modules.values()], ids=lambda p: p.dist)
def test_an_entry_point_is_called_like_its_distribution(point: Any) -> None:
    assert point.dist in (f"kt-{point.name.replace('_', '-')}", "kterrarium")
    assert re.fullmatch(r"[a-z][a-z0-9_]*", point.name)
    assert point.version


@pytest.mark.parametrize("dist", sorted({p.dist for p, _ in LOADED.modules.values()}))
def test_a_pack_file_agrees_with_its_distribution(dist: str) -> None:
    spec = find_spec(dist.replace("-", "_"))
    file = Path(next(iter(spec.submodule_search_locations or []))) / "kt-pack.toml" if spec else Path("none")
    creatures = LOADED.registry.get("config", "creatures_of")(LOADED, dist)
    if not file.is_file():
        assert creatures == [], f"{dist} carries creatures and has no kt-pack.toml"
        return
    pack = tomllib.loads(file.read_text())["pack"]
    (version,) = {p.version for p, _ in LOADED.modules.values() if p.dist == dist}
    assert (pack["name"], pack["version"]) == (dist, version)
    assert pack["description"]
    assert pack["kt"]


PACKS = sorted({point.dist for point, _ in LOADED.modules.values()} - {"kterrarium"})


@pytest.mark.parametrize("dist", PACKS)
def test_a_manifest_lists_what_is_there_and_nothing_else(dist: str) -> None:
    found = {outcome.name: outcome.problems for outcome in report(dist, LOADED)}
    assert (found["provides"], found["hooks"]) == ((), ())
