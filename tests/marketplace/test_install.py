"""Installing, removing, updating, going back: what is in the lock and on the path afterwards."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import ConfigError, DataError, NotFound, UsageError
from kt_marketplace import packages
from kt_marketplace.errors import Tampered, Unreachable
from kt_marketplace.install import overlay
from kt_marketplace.install.errors import Busy, InstallFailed, NotBuilt, Refused
from kt_marketplace.install.in_use import in_use
from kt_marketplace.install.path import folders, lock_file

from .installing import Home, PackageIndex
from .wheels import canary, make_pack, make_wheel

FROG = {"kt_pond/creatures/frog/creature.yaml": "prompt: You are a frog.\n"}
PROVIDES = [("creature", "frog")]


@pytest.fixture
def pond(tmp_path: Path) -> Path:
    return make_pack(tmp_path, "kt-pond", files=FROG, provides=PROVIDES, requires=["kt-core>=0.1"])


def test_a_wheel_is_installed_beside_the_environment_and_found(home: Home, pond: Path) -> None:
    done, person = home.install(pond)
    assert home.versions == {"kt-pond": "1.0"}
    assert [a.locked.name for a in done.change.arrivals] == ["kt-pond"]
    assert "creature frog" in person.text
    assert "kt_pond = kt_pond in kt" in person.text
    assert person.questions == ["Install kt-pond?"]
    assert not canary(pond.parent).exists()
    plugins = Plugins()
    assert str(home.site) in sys.path
    assert plugins.registry.get("config", "creatures_of")(plugins, "kt-pond") == ["@kt-pond/creatures/frog"]
    assert canary(pond.parent).exists()  # the canary sings when the pack is used
    assert home.leftovers() == []


def test_nothing_comes_in_without_a_yes(home: Home, pond: Path) -> None:
    with pytest.raises(Refused, match=r"Install kt-pond\? Nobody can be asked"):
        home.install(pond, yes=False)
    assert folders() == []
    assert not lock_file().exists()
    assert not canary(pond.parent).exists()


def test_what_is_there_is_not_installed_again_and_asks_nobody(
    home: Home, pond: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.install(pond)
    before = home.state()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("uv.find_uv_bin", lambda: 1 / 0)
    done, person = home.install("kt-pond>=1", yes=False)
    assert done.already == ("kt-pond>=1",)
    packages.ensure("kt-pond==1.0", "kt-biome")
    assert (person.questions, home.state()) == ([], before)
    assert [p.name for p in packages.installed()] == ["kt-pond"]


def test_ensure_installs_what_is_missing_and_upgrades_what_does_not_fit(
    home: Home, package_index: PackageIndex, tmp_path: Path
) -> None:
    package_index.add(make_pack(tmp_path, "kt-pond", "1.0"))
    packages.ensure("kt-pond<2", yes=True)
    assert home.versions == {"kt-pond": "1.0"}
    old = folders()
    package_index.add(make_pack(tmp_path, "kt-pond", "2.0"))
    asked = len(package_index.asked)
    packages.ensure("kt-pond", yes=True)
    assert (home.versions, len(package_index.asked)) == ({"kt-pond": "1.0"}, asked)
    packages.ensure("kt-pond>=2", yes=True)
    assert home.versions == {"kt-pond": "2.0"}
    assert sys.path[-1:] == folders()[:1]
    assert not set(old) & set(sys.path)


def test_dependencies_come_along_and_go_when_nothing_needs_them(
    home: Home, package_index: PackageIndex, tmp_path: Path
) -> None:
    package_index.add(make_wheel(tmp_path, "reeds", "3.1"))
    package_index.add(make_wheel(tmp_path, "mud", "1.1"))
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["reeds>=3", "kt-core"]))
    package_index.add(make_pack(tmp_path, "kt-lake", requires=["reeds", "mud"]))
    home.install("kt-pond", "kt-lake")
    assert home.versions == {"kt-pond": "1.0", "kt-lake": "1.0", "reeds": "3.1", "mud": "1.1"}
    assert home.lock.packs["kt-pond"].requires == ("reeds",)
    with pytest.raises(UsageError, match="reeds came with kt-lake, kt-pond"):
        home.uninstall("reeds")
    done = home.uninstall("kt-lake")
    assert {p.name for p in done.change.gone} == {"kt-lake", "mud"}
    assert home.versions == {"kt-pond": "1.0", "reeds": "3.1"}
    home.uninstall("@kt-pond")
    assert home.versions == {}


def test_the_base_decides_and_cannot_be_replaced(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.add(make_wheel(tmp_path, "packaging", "99.0"))
    package_index.add(make_pack(tmp_path, "kt-greedy", requires=["packaging>=99"]))
    package_index.add(make_pack(tmp_path, "kt-modest", requires=["packaging"]))
    with pytest.raises(InstallFailed, match="packaging"):
        home.install("kt-greedy")
    with pytest.raises(InstallFailed, match="part of this installation"):
        home.install("packaging==99")
    home.install("kt-modest")
    assert home.versions == {"kt-modest": "1.0"}
    with pytest.raises(UsageError, match="part of this installation"):
        home.uninstall("packaging")


def test_of_two_versions_the_one_for_this_kernel_is_taken(
    home: Home, package_index: PackageIndex, tmp_path: Path
) -> None:
    package_index.add(make_pack(tmp_path, "kt-pond", "1.0", requires=["kt-core<1"]))
    package_index.add(make_pack(tmp_path, "kt-pond", "2.0", requires=["kt-core>=9"], kt=">=9"))
    home.install("kt-pond")
    assert home.versions == {"kt-pond": "1.0"}
    before = home.state()
    with pytest.raises(InstallFailed, match="kt-core"):
        home.install("kt-pond>=2")
    assert home.state() == before


def test_an_update_brings_the_newest_and_asks_only_where_more_is_needed(
    home: Home, package_index: PackageIndex, tmp_path: Path
) -> None:
    package_index.add(make_pack(tmp_path, "kt-pond", "1.0", needs={"net": ["a.example"]}))
    package_index.add(make_pack(tmp_path, "kt-lake", "1.0"))
    home.install("kt-pond", "kt-lake")
    done, person = home.update()
    assert (done.change.arrivals, person.questions) == ([], [])
    package_index.add(make_pack(tmp_path, "kt-pond", "1.1", needs={"net": ["a.example"]}))
    package_index.add(make_pack(tmp_path, "kt-lake", "1.1"))
    _, person = home.update("kt-pond", yes=False)
    assert (home.versions, person.questions) == ({"kt-pond": "1.1", "kt-lake": "1.0"}, [])
    package_index.add(make_pack(tmp_path, "kt-pond", "1.2", needs={"net": ["*"], "secrets": ["KEY"]}))
    before = home.state()
    with pytest.raises(Refused):
        home.update("kt-pond", yes=False)
    assert home.state() == before
    _, person = home.update()
    assert home.versions == {"kt-pond": "1.2", "kt-lake": "1.1"}
    assert "NEW      may reach any host" in person.text
    assert home.lock.packs["kt-pond"].needs.secrets == ("KEY",)
    with pytest.raises(NotFound, match="kt-biome was not installed with kt install"):
        home.update("kt-biome")


def test_a_rollback_needs_no_network_and_a_second_one_undoes_it(home: Home, tmp_path: Path, pond: Path) -> None:
    with pytest.raises(NotFound, match="nothing to go back to"):
        home.rollback()
    home.install(pond)
    one = home.state()
    home.install(make_pack(tmp_path, "kt-lake"))
    two = home.state()
    home.rollback()
    assert home.state() == one
    home.rollback()
    assert home.state() == two
    home.uninstall("kt-pond", "kt-lake")
    home.rollback()
    assert home.state() == two


def test_a_lock_brings_the_same_bytes_to_another_machine(
    home: Home, package_index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reeds = package_index.add(make_wheel(tmp_path, "reeds", "3.1"))
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["reeds"], needs={"net": ["a.example"]}))
    local = make_pack(tmp_path, "kt-lake")
    home.install("kt-pond", local)
    lock = tmp_path / "other.lock"
    lock.write_bytes(lock_file().read_bytes())
    (tmp_path / "second").mkdir()
    monkeypatch.setenv("KT_HOME", str(tmp_path / "second"))
    with pytest.raises(NotFound, match="kt-lake came from a wheel file"):
        home.sync(lock)
    done, person = home.sync(lock, wheels=tmp_path)
    assert lock_file().read_bytes() == lock.read_bytes()
    assert {a.locked.name for a in done.change.arrivals} == {"kt-pond", "kt-lake", "reeds"}
    assert "may      reach a.example" in person.text
    assert not home.sync()[0].change.arrivals
    assert not canary(tmp_path).exists()
    monkeypatch.setenv("KT_HOME", str(tmp_path / "third"))
    only = tmp_path / "only"
    only.mkdir()
    shutil.copy(local, only)
    reeds.write_bytes(reeds.read_bytes() + b" ")
    with pytest.raises(Tampered, match=r"reeds-3.1.* is not the file that its index names"):
        home.sync(lock, wheels=only)
    assert folders() == []


@pytest.mark.parametrize("field", ["record", "version", "needs"])
def test_a_lock_that_is_wrong_about_a_wheel_is_refused(home: Home, pond: Path, tmp_path: Path, field: str) -> None:
    home.install(pond)
    data = json.loads(lock_file().read_bytes())
    data["packs"]["kt-pond"][field] = {"net": ["*"]} if field == "needs" else "9"
    lock = tmp_path / "wrong.lock"
    lock.write_text(json.dumps(data))
    before = home.state()
    with pytest.raises(Tampered, match="the lock is wrong about kt-pond"):
        home.sync(lock)
    assert home.state() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no kt.lock"),
        ("[]", "no kt.lock"),
        ('{"format": 2, "packs": {}}', "format 2"),
        ('{"format": 1, "packs": {"a": {"version": 1, "source": "x"}}}', "must be texts"),
        ('{"format": 1, "packs": {"a": {"version": "1", "source": "x", "file": "../a"}}}', "no file name"),
        ('{"format": 1, "packs": {"a": {"version": "1", "source": "x", "more": "y"}}}', "no kt.lock"),
        ('{"format": 1, "packs": {"a": {"version": "1", "source": "x", "needs": {"all": []}}}}', "unknown need"),
    ],
)
def test_a_broken_lock_is_named_and_replaces_nothing(home: Home, pond: Path, text: str, says: str) -> None:
    home.install(pond)
    file = home.folder / "broken.lock"
    file.write_text(text)
    before = home.state()
    with pytest.raises(DataError, match=says):
        home.sync(file)
    assert home.state() == before


def test_packs_that_were_changed_or_are_not_built_are_told(home: Home, pond: Path) -> None:
    assert in_use() is None
    home.install(pond)
    assert in_use() is not None
    (record,) = home.site.glob("kt_pond*/RECORD")
    text = record.read_text()
    record.write_text(text.replace("__init__.py,sha256=", "__init__.py,sha256=0"))
    with pytest.raises(Tampered, match=r"kt-pond 1\.0 is not what was inspected"):
        in_use()
    lock_file().write_bytes(lock_file().read_bytes() + b"\n")
    assert folders() == []
    with pytest.raises(NotBuilt):
        in_use()
    home.sync()
    assert in_use() is not None


def test_one_process_at_a_time(home: Home, pond: Path) -> None:
    with overlay.alone(), pytest.raises(Busy):
        home.install(pond)
    home.install(pond)


def test_without_a_network_what_is_at_hand_is_enough(
    home: Home, pond: Path, package_index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_index.add(make_wheel(tmp_path, "reeds", "3.1"))
    monkeypatch.setenv("KT_OFFLINE", "1")
    home.install(pond)
    with pytest.raises((InstallFailed, Unreachable)):
        home.install(make_pack(tmp_path, "kt-lake", requires=["reeds"]))
    assert (home.versions, package_index.asked) == ({"kt-pond": "1.0"}, [])


def test_without_uv_nothing_is_changed(home: Home, pond: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_there() -> str:
        raise FileNotFoundError("uv")

    monkeypatch.setattr("uv.find_uv_bin", not_there)
    with pytest.raises(ConfigError, match="uv is not installed"):
        home.install(pond)
    assert folders() == []


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        ("@", UsageError, "is no pack"),
        ("@/x", UsageError, "names no index"),
        ("a b", UsageError, "is no pack"),
        ("x; python_version > '3'", UsageError, "by its name and version"),
        ("kt-x[extra]", UsageError, "extras"),
        ("./nowhere", NotFound, "no such file"),
        ("nowhere.whl", NotFound, "no such file"),
        ("@kt-nowhere", NotFound, "no source has a pack"),
        ("@nowhere/kt-pond", NotFound, "no source named"),
    ],
)
def test_what_means_nothing_is_named(home: Home, word: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        home.install(word)


def test_a_folder_that_is_no_project_and_a_wheel_that_is_none(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no folder with a pyproject\.toml"):
        home.install(tmp_path / "home")
    (tmp_path / "broken-1.0-py3-none-any.whl").write_bytes(b"no archive")
    with pytest.raises(DataError, match="zip"):
        home.install(tmp_path / "broken-1.0-py3-none-any.whl")


def test_requirements_are_met_by_packs_and_base_together(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    lake = make_pack(tmp_path, "kt-lake", requires=["kt-pond>=1", "kt-core", "nothing; python_version < '3'"])
    home.install(lake)
    assert home.lock.packs["kt-lake"].requires == ("kt-pond",)
    home.uninstall("kt-pond")
    assert home.versions == {"kt-pond": "1.0", "kt-lake": "1.0"}
    assert not home.lock.packs["kt-pond"].requested


def test_what_was_changed_in_the_cache_is_not_installed(home: Home, pond: Path) -> None:
    home.install(pond)
    home.uninstall("kt-pond")
    cached = [f for f in (home.folder / "packs" / "uv").rglob("creature.yaml") if f.is_file()]
    assert cached
    for file in cached:
        file.write_text("prompt: You are a toad.\n")
    shutil.rmtree(home.folder / "packs" / "wheels", ignore_errors=True)
    for built in (home.folder / "packs").glob("*/site"):
        shutil.rmtree(built.parent)
    try:
        home.install(pond)
    except Tampered:
        home.install(pond)
    assert (home.site / "kt_pond" / "creatures" / "frog" / "creature.yaml").read_text() == "prompt: You are a frog.\n"
