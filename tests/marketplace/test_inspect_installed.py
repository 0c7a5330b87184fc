"""What is installed, read from files alone; and that a wheel and its installed copy have one digest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import uv
from kt.errors import DataError
from kt_marketplace.inspect import Installed, Wheel, record_digest

from .hostile import victim
from .wheels import canary, make_wheel, unpack

HERE = [p for p in sys.path if p.endswith("site-packages")]


def test_what_a_site_packages_holds(tmp_path: Path) -> None:
    found = Installed.of([victim(tmp_path), tmp_path / "not-there"])
    assert found.versions == {"kt-core": "0.1.0", "victim": "1.0"}
    assert found.listed.files["victim/data.txt"] == "victim"
    assert found.listed.modules == {"kt": "kt-core", "victim": "victim", "shared": "victim", "victim_single": "victim"}
    assert found.listed.namespaces == {"shared"}
    assert found.listed.scripts == {"victim": "victim"}
    assert found.entry_points == {"kt": {"victim": "victim"}}
    assert not canary(tmp_path).exists()


def test_of_two_copies_the_first_counts(tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        wheel = make_wheel(tmp_path, "nest", version, {f"nest{version[0]}.py": ""})
        unpack(wheel, tmp_path / f"site{version}")
    found = Installed.of([tmp_path / "site2.0", tmp_path / "site1.0"])
    assert found.versions == {"nest": "2.0"}
    assert found.listed.modules == {"nest2": "nest"}


@pytest.mark.parametrize("way", ["pth", "mapping", "url"])
def test_an_editable_distribution_has_its_modules(way: str, tmp_path: Path) -> None:
    source = tmp_path / "project"
    (source / "nest").mkdir(parents=True)
    (source / "nest" / "__init__.py").touch()
    editable = {"url": source.as_uri(), "dir_info": {"editable": True}}
    files = {
        "pth": {"nest.pth": f"import os\n{source}\n"},
        "mapping": {"__editable___nest_finder.py": f"MAPPING: dict[str, str] = {{'nest': {str(source / 'nest')!r}}}\n"},
        "url": {"nest-1.0.dist-info/direct_url.json": json.dumps(editable)},
    }[way]
    site = unpack(make_wheel(tmp_path, "nest", files=files), tmp_path / "site")
    assert Installed.of([site]).owner("modules", "nest") == "nest"


def test_an_editable_distribution_without_a_trace_has_the_modules_of_its_entry_points(tmp_path: Path) -> None:
    site = unpack(make_wheel(tmp_path, "nest", files={}, entry_points={"kt": {"n": "nestling.x"}}), tmp_path / "site")
    found = Installed.of([site])
    assert (found.listed.modules, found.owner("modules", "nestling")) == ({"nestling": "nest"}, "nest")


def test_eggs_and_broken_metadata_do_not_hide(tmp_path: Path) -> None:
    egg = tmp_path / "Old_Nest-1.2-py3.11.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: Old.Nest\nVersion: 1.2\n")
    (egg / "top_level.txt").write_text("oldnest\n")
    broken = tmp_path / "broken-3.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_bytes(b"\xff\xfe")
    (broken / "RECORD").write_text('"')
    found = Installed.of([tmp_path])
    assert found.versions == {"old-nest": "1.2", "broken": "3.0"}
    assert found.listed.modules == {"oldnest": "old-nest"}


def test_our_own_environment() -> None:
    found = Installed.of(HERE)
    assert found.listed.modules["kt"] == "kt-core"
    assert found.listed.modules["kt_yaml"] == "kt-yaml"
    assert found.listed.scripts["kt"] == "kterrarium"
    assert found.entry_points["kt"]["yaml"] == "kt-yaml"
    assert found.listed.files["pluggy/__init__.py"] == "pluggy"
    assert "pluggy" in {r.name for r in found.requires("kt-core")}


def test_a_glance_at_the_folders_passes_nothing_over_that_is_listed() -> None:
    """Look at sys.path, as an installation does: the lists are read only where a name lies in a folder of it."""
    found = Installed.of(sys.path)
    assert {name: found.owner("modules", name) for name in found.listed.modules} == found.listed.modules
    assert {path: found.owner("files", path) for path in found.listed.files} == found.listed.files


@pytest.mark.parametrize("where", [["--target", "packs"], ["--prefix", "env"]])
def test_the_installed_copy_has_the_digest_of_its_wheel(where: list[str], tmp_path: Path) -> None:
    files = {"nest/__init__.py": "", "nest/data.txt": "x", "nest-1.0.data/purelib/nest_more.py": ""}
    path = make_wheel(tmp_path, "nest", files=files, entry_points={"console_scripts": {"nest-run": "nest:main"}})
    option, folder = where
    command = [uv.find_uv_bin(), "pip", "install", "--offline", "--no-deps", option, str(tmp_path / folder), str(path)]
    subprocess.run([*command, "--python", sys.executable], check=True, capture_output=True)
    installed = next((tmp_path / folder).rglob("nest-1.0.dist-info/RECORD"))
    wheel = Wheel.read(path)
    assert record_digest(installed.read_text()) == wheel.record
    assert Installed.of([installed.parent.parent]).listed.scripts == {"nest-run": "nest"}
    installed.write_text(installed.read_text().replace("nest/data.txt,sha256=", "nest/data.txt,sha256=A"))
    assert record_digest(installed.read_text()) != wheel.record
    assert not canary(tmp_path).exists()


def test_a_record_that_is_none() -> None:
    with pytest.raises(DataError):
        record_digest("one,two\n")
