"""Packs of an index: what they need comes from there, and which index was named counts."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from kt.errors import NotFound
from kt_marketplace.index import Sources
from kt_marketplace.install import transaction
from kt_marketplace.install.errors import InstallFailed

from .index_world import a_file, a_pack, a_release, an_index, write_index
from .installing import Asked, Home, PackageIndex
from .wheels import make_pack


class Team:
    """An index of this machine that holds wheels; each publication is a new version of it."""

    def __init__(self, folder: Path, name: str = "team") -> None:
        self.folder, self.name, self.version = folder, name, 0
        self.packs: dict[str, dict[str, Any]] = {}
        (folder / "wheels").mkdir(parents=True)

    def publish(self, *wheels: Path) -> None:
        for wheel in wheels:
            shutil.copy(wheel, self.folder / "wheels")
            name, version = wheel.name.split("-")[:2]
            release = a_release(files=[a_file(wheel.name, wheel.read_bytes())])
            self.packs.setdefault(name.replace("_", "-"), {})[version] = release
        self.version += 1
        packs = {name: a_pack(versions=versions) for name, versions in self.packs.items()}
        write_index(self.folder, an_index(name=self.name, version=self.version, packs=packs))
        sources = Sources()
        if self.version == 1:
            sources.add(sources.offer(str(self.folder)))
        else:
            sources.refresh(self.name)


@pytest.fixture
def team(home: Home, tmp_path: Path) -> Team:
    return Team(tmp_path / "team")


def test_what_a_pack_of_an_index_needs_comes_from_there(home: Home, team: Team, tmp_path: Path) -> None:
    team.publish(
        make_pack(tmp_path, "kt-lake", requires=["kt-pond>=1"]),
        make_pack(tmp_path, "kt-pond", requires=["kt-weeds"]),
        make_pack(tmp_path, "kt-weeds"),
    )
    home.install("@kt-lake")
    packs = home.lock.packs
    assert {name: (p.source, p.requested) for name, p in packs.items()} == {
        "kt-lake": ("index team", "@kt-lake"),
        "kt-pond": ("index team", ""),
        "kt-weeds": ("index team", ""),
    }
    assert packs["kt-weeds"].url.endswith("/wheels/kt_weeds-1.0-py3-none-any.whl")
    home.uninstall("kt-lake")
    assert not home.lock.packs


def test_an_update_brings_what_is_needed_from_there_as_well(home: Home, team: Team, tmp_path: Path) -> None:
    team.publish(make_pack(tmp_path, "kt-lake", requires=["kt-pond"]), make_pack(tmp_path, "kt-pond"))
    home.install("@kt-lake")
    lake = make_pack(tmp_path, "kt-lake", "2.0", requires=["kt-pond>=2", "kt-weeds"])
    team.publish(lake, make_pack(tmp_path, "kt-pond", "2.0"), make_pack(tmp_path, "kt-weeds"))
    home.update("kt-lake")
    assert home.versions == {"kt-lake": "2.0", "kt-pond": "2.0", "kt-weeds": "1.0"}
    assert {pack.source for pack in home.lock.packs.values()} == {"index team"}


def test_what_was_asked_for_stays_so_when_another_pack_needs_more_of_it(home: Home, team: Team, tmp_path: Path) -> None:
    team.publish(make_pack(tmp_path, "kt-pond"))
    home.install("@kt-pond")
    team.publish(make_pack(tmp_path, "kt-lake", requires=["kt-pond>=2"]), make_pack(tmp_path, "kt-pond", "2.0"))
    home.install("@kt-lake")
    assert {n: (p.version, p.requested) for n, p in home.lock.packs.items()} == {
        "kt-lake": ("1.0", "@kt-lake"),
        "kt-pond": ("2.0", "@kt-pond"),
    }


def test_the_package_index_does_not_stand_in_for_what_the_index_has(
    home: Home, team: Team, package_index: PackageIndex, tmp_path: Path
) -> None:
    team.publish(make_pack(tmp_path, "kt-lake", requires=["kt-pond", "kt-reeds"]), make_pack(tmp_path, "kt-pond"))
    package_index.add(make_pack(tmp_path, "kt-pond", "99.0"))
    package_index.add(make_pack(tmp_path, "kt-reeds"))
    home.install("@kt-lake")
    sources = {name: (pack.version, pack.source) for name, pack in home.lock.packs.items()}
    assert sources["kt-pond"] == ("1.0", "index team")
    assert sources["kt-reeds"] == ("1.0", "package index")


def test_a_version_that_the_index_lacks_is_not_looked_for_elsewhere(
    home: Home, team: Team, package_index: PackageIndex, tmp_path: Path
) -> None:
    team.publish(make_pack(tmp_path, "kt-lake", requires=["kt-pond>=2"]), make_pack(tmp_path, "kt-pond"))
    package_index.add(make_pack(tmp_path, "kt-pond", "99.0"))
    with pytest.raises(NotFound, match="team has no kt-pond>=2"):
        home.install("@kt-lake")


def test_what_no_index_has_is_named_with_a_way_on(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match="versions of kt-lake depend on kt-pond") as raised:
        home.install(make_pack(tmp_path, "kt-lake", requires=["kt-pond"]))
    assert raised.value.hint == "kt marketplace search kt-pond"


def test_another_source_that_is_named_is_not_there_already(home: Home, team: Team, tmp_path: Path) -> None:
    other = Team(tmp_path / "other", "other")
    team.publish(make_pack(tmp_path, "kt-pond"))
    (tmp_path / "theirs").mkdir()
    other.publish(make_pack(tmp_path / "theirs", "kt-pond", files={"kt_pond/more.py": ""}))
    home.install("@team/kt-pond")
    assert home.install("@team/kt-pond")[0].already == ("@team/kt-pond",)
    done, person = home.install("@other/kt-pond")
    assert (home.lock.packs["kt-pond"].source, done.already) == ("index other", ())
    assert "other bytes of 1.0" in person.text
    assert home.install("@kt-pond")[0].already == ("@kt-pond",)


def test_a_pack_that_stays_says_why(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-lake", requires=["kt-pond"]), make_pack(tmp_path, "kt-pond"))
    person = Asked()
    done = transaction.uninstall(["kt-pond"], consent=person)
    assert (done.change.gone, home.lock.packs["kt-pond"].requested) == ([], "")
    assert person.shown == ["kt-pond stays: needed by kt-lake"]
    assert home.rollback().came == []
    home.rollback()
    again = home.install(make_pack(tmp_path, "kt-pond"))[0]
    assert (again.came, again.already) == ([], ("kt-pond 1.0",))
    assert home.lock.packs["kt-pond"].requested
