"""The official index is what the workspace has."""

import json
import shutil
from pathlib import Path

from kt import Host
from kt_marketplace.index.official import TARGET, packs, write
from kt_marketplace.index.sources import official

ROOT = Path(__file__).parent.parent.parent
AGAIN = "run: uv run python -m kt_marketplace.index.official ."


def test_the_official_index_is_in_step_with_the_workspace() -> None:
    signed = json.loads((ROOT / TARGET).read_text("utf-8"))["signed"]
    assert signed["packs"] == packs(ROOT), AGAIN


def test_it_lists_what_is_installed_here() -> None:
    document = official().document
    assert document is not None
    for entry in Host().registry.entries("provider"):
        versions = document.packs[entry.dist].versions
        assert any(p.name == entry.name and p.kind == "provider" for r in versions.values() for p in r.provides)
    biome = next(iter(document.packs["kt-biome"].versions.values()))
    assert {"swe", "general"} <= {p.name for p in biome.provides if p.kind == "creature"}
    assert not biome.files
    assert "kt_around_turn" in next(iter(document.packs["kt-budget"].versions.values())).hooks


def workspace(folder: Path, plugin: str) -> Path:
    """Return a workspace with a copy of one of our plugins."""
    shutil.copytree(ROOT / "plugins" / plugin, folder / "plugins" / plugin)
    (folder / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["plugins/*"]\n')
    return folder


def test_what_says_nothing_of_its_needs_is_not_called_harmless(tmp_path: Path) -> None:
    root = workspace(tmp_path, "early")
    (root / "plugins/early/kt_early/kt-pack.toml").unlink(missing_ok=True)
    (release,) = packs(root)["kt-early"]["versions"].values()
    assert (release["needs"]["net"], release["needs"]["exec"]) == (["*"], ["any"])
    assert [p["name"] for p in release["provides"]] == ["early"]


def test_its_version_counts_the_changes(tmp_path: Path) -> None:
    workspace(tmp_path, "biome")
    (tmp_path / TARGET).parent.mkdir(parents=True)
    assert write(tmp_path)
    assert not write(tmp_path)
    project = tmp_path / "plugins" / "biome" / "pyproject.toml"
    project.write_text(project.read_text().replace("The official creature pack", "A creature pack"))
    assert write(tmp_path)
    signed = json.loads((tmp_path / TARGET).read_text())["signed"]
    assert (signed["version"], list(signed["packs"])) == (2, ["kt-biome"])
