"""What an inspection finds in a wheel: hostile ones are stopped, honest ones are not, and nothing is ever imported."""

from pathlib import Path

import pytest
from kt.errors import DataError, NotFound
from kt_marketplace.inspect import Installed, Wheel, inspect

from .hostile import HOSTILE, OFFICIAL, Hostile, victim
from .wheels import canary, make_pack, make_wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.of([victim(tmp_path_factory.mktemp("installed"))])


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_wheel_is_stopped_and_the_finding_names_what(
    hostile: Hostile, installed: Installed, tmp_path: Path
) -> None:
    found = inspect(Wheel.read(hostile.make(tmp_path)), installed=installed, official=OFFICIAL)
    named = [f for f in found.findings if f.code == hostile.code and hostile.says in f.text]
    assert hostile.level in {f.level for f in named}, found.lines()
    assert found.refused == any(f.level == "refuse" for f in found.findings)
    assert hostile.level == "ask" or found.refused
    assert not canary(tmp_path).exists()


def test_the_canary_of_the_tests_sings(tmp_path: Path) -> None:
    """Make sure that an import would have been noticed."""
    import subprocess
    import sys

    from .wheels import unpack

    site = unpack(make_wheel(tmp_path, "song", files={"song.py": ""}), tmp_path / "site")
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = [{str(site)!r}]; import song"], check=True)
    assert canary(tmp_path).exists()


def test_an_honest_pack_is_neither_refused_nor_asked_about(installed: Installed, tmp_path: Path) -> None:
    tool = "import kt\n\n\n@kt.tool(needs=kt.ToolNeeds(net=('@url',)))\ndef get(url: str) -> str:\n    import httpx2\n"
    files = {
        "owls/tools.py": tool,
        "owls/creatures/owl/creature.yaml": "tools: [get, write, 'owls.tools:get']\ninput: {name: http, port: 8080}\n",
        "owls/skills/fly/SKILL.md": "# Fly\n",
        "owls/prompts/hoot.md": "Hoot.\n",
    }
    needs = {"net": ["*"], "writes": ["$WS"], "listen": ["8080"]}
    provides = [("creature", "owl"), ("skill", "fly"), ("prompt", "hoot"), ("tool", "get")]
    path = make_pack(tmp_path, "owls", files=files, needs=needs, provides=provides, requires=["kt-core>=0.1"])
    found = inspect(Wheel.read(path), installed=installed, official=OFFICIAL)
    assert found.findings == ()
    assert found.needs.net == ("*",)
    assert found.lines() == [
        "owls 1.0: What owls does",
        "  brings   creature owl",
        "  brings   skill fly",
        "  brings   prompt hoot",
        "  brings   tool get",
        "  registers owls = owls in kt",
        "  may      change the working folder",
        "  may      reach any host",
        "  may      listen on ports 8080",
    ]


def test_a_library_needs_no_manifest_unless_it_is_asked_for_as_a_pack(installed: Installed, tmp_path: Path) -> None:
    wheel = Wheel.read(make_wheel(tmp_path, "nest", files={"nest/__init__.py": "import socket\n"}))
    assert inspect(wheel, installed=installed, official=OFFICIAL).findings == ()
    asked = inspect(wheel, installed=installed, official=OFFICIAL, plugin=True)
    assert [f.code for f in asked.findings if f.level == "refuse"] == ["manifest"]


def test_a_newer_version_of_what_is_installed_is_no_clash(installed: Installed, tmp_path: Path) -> None:
    files = {"victim/__init__.py": "", "victim_single.py": "", "victim/data.txt": ""}
    points = {"kt": {"victim": "victim"}, "console_scripts": {"victim": "victim:main"}}
    wheel = Wheel.read(make_pack(tmp_path, "victim", "2.0", files=files, entry_points=points))
    assert not inspect(wheel, installed=installed, official=OFFICIAL).refused


def test_wheels_that_come_together_are_held_against_each_other(installed: Installed, tmp_path: Path) -> None:
    points = {"kt": {"owl": "owls"}, "console_scripts": {"owl": "owls:main"}}
    one = Wheel.read(make_pack(tmp_path, "owls", files={"eyes.py": ""}, entry_points=points))
    points = {"kt": {"owl": "barn"}, "console_scripts": {"owl": "barn:main"}}
    other = Wheel.read(make_pack(tmp_path, "barn", files={"eyes.py": ""}, entry_points=points))
    beside = installed.beside([one, other])
    found = inspect(other, installed=beside, official=OFFICIAL)
    assert [(f.code, f.text) for f in found.findings if f.level == "refuse"] == [
        ("overwrite", "overwrites files of owls: eyes.py"),
        ("module", "brings a module called eyes, which owls has"),
        ("clash", "barn and owls both register 'owl' in the group kt"),
        ("script", "installs a program owl, which owls has"),
    ]
    assert not inspect(one, installed=beside, official=OFFICIAL).refused
    assert "owls" not in installed.versions


def test_a_namespace_may_be_shared(installed: Installed, tmp_path: Path) -> None:
    wheel = Wheel.read(make_wheel(tmp_path, "nest", files={"shared/nest_part.py": ""}))
    assert inspect(wheel, installed=installed, official=OFFICIAL).findings == ()


def test_an_official_name_softens_what_its_manifest_leaves_out_and_nothing_else(
    installed: Installed, tmp_path: Path
) -> None:
    files = {"kt_biome/work.py": "import socket\n", "kt_biome/creatures/swe/creature.yaml": "tools: [bash]\n"}
    wheel = Wheel.read(make_pack(tmp_path, "kt-biome", files=files))
    found = inspect(wheel, installed=installed, official=OFFICIAL)
    assert not found.refused
    assert {"lie", "provides"} <= {f.code for f in found.asks}
    assert inspect(wheel, installed=installed, official=()).refused
    evil = Wheel.read(make_pack(tmp_path, "kt-biome", files={**files, "kt_biome.pth": "import os"}))
    assert inspect(evil, installed=installed, official=OFFICIAL).refused


def test_a_name_the_user_knows_is_watched_too(installed: Installed, tmp_path: Path) -> None:
    wheel = Wheel.read(make_pack(tmp_path, "owls-nest"))
    found = inspect(wheel, installed=installed, official=OFFICIAL, known=["owl-nest", "owls-nest"])
    assert [f.text for f in found.asks] == ["its name owls-nest could be taken for owl-nest"]


def test_text_from_the_wheel_can_do_nothing_to_a_terminal(installed: Installed, tmp_path: Path) -> None:
    metadata = "Metadata-Version: 2.4\nName: nest\nVersion: 1.0\nSummary: a\x1b]0;b\x07 \u202eevil\n\n"
    points = {"pytest11": {"x\x1b[2J": "nest"}, "kt": {"\u200bx": "nest"}}
    wheel = Wheel.read(make_wheel(tmp_path, "nest", metadata=metadata, entry_points=points))
    lines = inspect(wheel, installed=installed, official=OFFICIAL).lines()
    assert all(line.isprintable() for line in lines)
    assert lines[0] == "nest 1.0: a\\x1b]0;b\\x07 \\u202eevil"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.zip", b"", "no wheel"),
        ("x-1.0-py3-none-any.whl", b"", "too short"),
        ("x-1.0-py3-none-any.whl", bytes(100), "no zip archive"),
        ("x-one-py3-none-any.whl", b"", "no wheel"),
    ],
)
def test_what_is_no_wheel_is_an_error(name: str, data: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=says) as raised:
        Wheel.read(tmp_path / name)
    assert raised.value.exit_code == 65


def test_a_wheel_of_another_name_or_without_metadata_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Wheel.read(tmp_path / "x-1.0-py3-none-any.whl")
    other = make_pack(tmp_path, "kt-x").rename(tmp_path / "kt_y-1.0-py3-none-any.whl")
    with pytest.raises(DataError, match=r"no .dist-info folder of its name"):
        Wheel.read(other)
    longer = make_pack(tmp_path, "kt-x")
    longer.write_bytes(longer.read_bytes() + b"more")
    with pytest.raises(DataError, match="something after its end"):
        Wheel.read(longer)
