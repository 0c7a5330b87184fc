"""Attacks by locks, updates and needs: more is installed, or allowed, than was shown."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins
from kt.errors import DataError, KTError
from kt_marketplace import doctor
from kt_marketplace.errors import Tampered
from kt_marketplace.install import transaction
from kt_marketplace.install.errors import Refused
from kt_marketplace.install.in_use import in_use
from kt_marketplace.install.intact import damaged

from .installing import Asked, Home, PackageIndex
from .red_team import made
from .test_install_folders import project
from .wheels import ENTRY, pack, toml


def test_a_lock_brings_no_code_of_the_folder_one_is_in(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = project(tmp_path / "there" / "pond")
    home.install(source, editable=True)
    data = json.loads((home.folder / "kt.lock").read_text())
    data["packs"]["kt-pond"]["editable"] = "pond"
    (tmp_path / "kt.lock").write_text(json.dumps(data))
    home.uninstall("kt-pond")
    monkeypatch.chdir(source.parent)
    with pytest.raises(DataError, match="the folder of kt-pond is not absolute"):
        home.sync(tmp_path / "kt.lock")


def test_needs_are_shown_to_the_end(home: Home, tmp_path: Path) -> None:
    hosts = [f"cdn{n:03}.{'x' * 40}.example.com" for n in range(40)]
    needs = {"net": [*hosts, "*"], "exec": [*("y" * n for n in range(100, 150)), "any"][1:], "reads": ["/a", "*"]}
    _, person = home.install(made(tmp_path, needs=needs))
    said = [line for line in person.text.splitlines() if line.startswith("  may ")]
    assert said[:3] == ["  may      read any file, /a", "  may      reach any host", f"  may      reach {hosts[0]}"]
    assert f"  may      reach {hosts[-1]}" in said
    assert next(line for line in said if " run " in line) == "  may      run programs"


@pytest.mark.parametrize("editable", [False, True])
def test_more_needs_than_anybody_reads_are_refused(home: Home, tmp_path: Path, editable: bool) -> None:
    hosts = [f"cdn{n:03}.example.com" for n in range(51)]
    needs = f"[needs]\nnet = {json.dumps(hosts)}\n"
    with pytest.raises(KTError, match="51 values"):
        home.install(project(tmp_path / "pond", needs=needs), editable=editable)


def test_an_update_does_not_swap_a_version(home: Home, tmp_path: Path, package_index: PackageIndex) -> None:
    package_index.add(made(tmp_path))
    home.install("zpond")
    (package_index.folder / "simple" / "zpond" / "index.html").unlink()
    package_index.add(made(tmp_path, {"zpond/evil.py": ""}))
    with pytest.raises(Refused, match="Update"):
        home.update("zpond", yes=False)
    _, person = home.update("zpond")
    assert "  NEW      other bytes of 1.0, the version that is installed" in person.text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"entry_points": {"kt": {"zpond": "zpond", "more": "zpond.more"}}}, "registers more = zpond.more in kt"),
        ({"entry_points": {"kt": {"zpond": "zpond.more"}}}, "registers zpond = zpond.more in kt"),
        ({"provides": [("provider", "openai2")]}, "brings provider openai2"),
        ({"requires": ["packaging"]}, "depends on packaging"),
        ({"manifest": toml(pack("zpond", "2.0")).replace("[needs]", 'hooks = ["kt_tools"]\n[needs]')}, "hook kt_tools"),
    ],
)
def test_an_update_that_registers_more_asks(
    home: Home, tmp_path: Path, package_index: PackageIndex, more: dict[str, Any], says: str
) -> None:
    package_index.add(made(tmp_path))
    home.install("zpond")
    package_index.add(made(tmp_path, {"zpond/more.py": ENTRY}, "2.0", **more))
    with pytest.raises(Refused, match="Update"):
        home.update("zpond", yes=False)
    assert home.versions == {"zpond": "1.0"}
    _, person = home.update("zpond")
    assert [line for line in person.text.splitlines() if line.startswith("  NEW ") and says in line]
    _, person = home.update("zpond", yes=False)
    assert person.questions == []


def test_an_update_asks_where_nobody_knows_what_was_there_before(
    home: Home, tmp_path: Path, package_index: PackageIndex
) -> None:
    package_index.add(made(tmp_path))
    home.install("zpond")
    shutil.rmtree(home.folder / "packs" / "wheels")
    package_index.add(made(tmp_path, version="2.0"))
    with pytest.raises(Refused, match="Update"):
        home.update("zpond", yes=False)


@pytest.mark.parametrize("field", [{"source": "index official"}, {"requested": "git+https://evil.example/x"}])
def test_a_lock_does_not_lie_about_where_packs_are_from(home: Home, tmp_path: Path, field: dict[str, str]) -> None:
    wheel = made(tmp_path)
    home.install(wheel)
    data = json.loads((home.folder / "kt.lock").read_text())
    data["packs"]["zpond"] |= field
    (tmp_path / "kt.lock").write_text(json.dumps(data))
    home.uninstall("zpond")
    _, person = home.sync(tmp_path / "kt.lock", wheels=wheel.parent)
    assert "index official" not in person.text
    assert field.get("requested", "") in person.text


def test_sync_asks_no_server_before_the_yes(home: Home, tmp_path: Path, package_index: PackageIndex) -> None:
    home.install(made(tmp_path))
    data = json.loads((home.folder / "kt.lock").read_text())
    url = package_index.url + "admin?delete=all"
    data["packs"]["zpond"] |= {"url": url, "sha256": "0" * 64, "source": "index official"}
    (tmp_path / "kt.lock").write_text(json.dumps(data))
    person = Asked(False)
    with pytest.raises(Refused, match=r"Fetch what .*kt\.lock says"):
        transaction.sync(tmp_path / "kt.lock", wheels=None, plugins=Plugins(), consent=person)
    assert package_index.asked == []
    assert f"+ zpond 1.0 ({url})" in person.shown
    assert "official" not in person.text


@pytest.mark.parametrize("ghost", ["ghost.py", "ghost-1.dist-info/entry_points.txt", "zpond/ghost.py", "zpond/sub"])
def test_files_that_no_pack_has_are_noticed_and_go(home: Home, tmp_path: Path, ghost: str) -> None:
    home.install(made(tmp_path))
    (home.site / ghost).parent.mkdir(exist_ok=True)
    if ghost == "zpond/sub":
        (home.site / ghost).symlink_to(tmp_path)
    else:
        (home.site / ghost).write_text("[kt]\nghost = ghost\n")
    assert not doctor.check()[0][0]
    if not ghost.startswith("zpond/"):
        with pytest.raises(Tampered, match="is of no pack"):
            in_use()
    home.sync()
    assert not (home.site / ghost).exists()
    assert doctor.check()[0][0]


def test_a_file_that_was_added_to_its_list_is_noticed(home: Home, tmp_path: Path) -> None:
    home.install(made(tmp_path))
    (home.site / "zpond" / "ghost.py").write_text("")
    (record,) = home.site.glob("*/RECORD")
    record.write_text(record.read_text() + "zpond/ghost.py,,\n")
    assert damaged(home.lock, home.site) == ["zpond/ghost.py"]


def test_what_python_keeps_beside_the_files_is_no_damage(home: Home, tmp_path: Path) -> None:
    home.install(made(tmp_path))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(home.site)], check=True)
    assert list(home.site.rglob("*.pyc"))
    assert damaged(home.lock, home.site) == []
    assert in_use() is not None


def test_a_source_root_that_the_lock_does_not_name_is_noticed(home: Home, tmp_path: Path) -> None:
    home.install(project(tmp_path / "pond"), editable=True)
    assert in_use() is not None
    with (home.site.parent / "roots").open("a") as file:
        file.write(f"{tmp_path}/evil\n")
    with pytest.raises(Tampered, match="evil is of no pack"):
        in_use()
    home.sync()
    assert in_use() is not None


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, *(f'{{"url": "{url}"}}' for url in ("http://[::1", "ftp://a/b", "http:///b", "x", "http://a:x/b"))],
)
def test_a_strange_lock_is_an_error_of_ours(home: Home, tmp_path: Path, text: str) -> None:
    pack = '{"version": "1", "source": "file", "file": "x.whl", "sha256": "1", '
    (tmp_path / "l").write_text(text if text[0] == "[" else f'{{"format": 1, "packs": {{"x": {pack}{text[1:]}}}}}')
    with pytest.raises(DataError, match=r"this is no kt\.lock"):
        home.sync(tmp_path / "l")
