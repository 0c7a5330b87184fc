"""Random changes of what is installed, and what they found."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from kt_marketplace.install.errors import Refused

from .install_machine import Packs
from .installing import Home, PackageIndex
from .wheels import make_pack, make_wheel


def play(index: PackageIndex, *, examples: int, steps: int) -> None:
    Packs.index = index
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    run_state_machine_as_test(Packs, settings=chosen)


def test_random_changes_leave_what_a_model_says(package_index: PackageIndex, home: Home) -> None:
    play(package_index, examples=8, steps=10)


@pytest.mark.slow
def test_many_random_changes_leave_what_a_model_says(package_index: PackageIndex, home: Home) -> None:
    play(package_index, examples=300, steps=15)


def test_an_update_keeps_what_was_asked_for(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.add(make_pack(tmp_path, "kt-lake"))
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["kt-lake"]))
    home.install("kt-lake<2", "kt-pond")
    package_index.add(make_pack(tmp_path, "kt-lake", "2.0"))
    home.update("kt-pond")
    assert home.versions == {"kt-pond": "1.0", "kt-lake": "1.0"}
    assert home.lock.packs["kt-lake"].requested == "kt-lake<2"


def test_an_update_removes_nothing_that_was_asked_for(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.add(make_pack(tmp_path, "kt-lake"))
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["kt-lake"]))
    home.install("kt-lake", "kt-pond")
    package_index.add(make_pack(tmp_path, "kt-pond", "2.0"))
    home.update("kt-pond")
    assert home.versions == {"kt-pond": "2.0", "kt-lake": "1.0"}


@pytest.fixture
def mine(home: Home, package_index: PackageIndex, tmp_path: Path) -> Path:
    """Install kt-lake 1.0 from a file; the package index has other bytes under its name and version."""
    (tmp_path / "mine").mkdir()
    package_index.add(make_pack(tmp_path, "kt-lake"))
    wheel = make_pack(tmp_path / "mine", "kt-lake", files={"kt_lake/mine.py": ""})
    home.install(wheel)
    return wheel


def test_what_is_installed_stays_beside_what_comes(
    home: Home, package_index: PackageIndex, tmp_path: Path, mine: Path
) -> None:
    before = home.lock.packs["kt-lake"]
    package_index.add(make_pack(tmp_path, "kt-pond"))
    home.install("kt-pond")
    assert home.lock.packs.get("kt-lake") == before


def test_what_is_installed_stays_when_one_that_needs_it_comes(
    home: Home, package_index: PackageIndex, tmp_path: Path, mine: Path
) -> None:
    before = home.lock.packs["kt-lake"]
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["kt-lake"]))
    home.install("kt-pond")
    assert home.lock.packs["kt-lake"] == before


def test_the_lock_names_no_folder_that_is_gone(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["kt-lake"]))
    home.install(make_pack(tmp_path, "kt-lake"), "kt-pond")
    home.uninstall("kt-lake")
    home.install("kt-lake")
    assert not home.lock.packs["kt-lake"].url
    assert home.lock.packs["kt-lake"].source == "file"


def test_a_library_that_is_there_is_no_pack_either(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.add(make_wheel(tmp_path, "reeds"))
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["reeds"]))
    with pytest.raises(Refused, match="has no kt-pack"):
        home.install("reeds")
    home.install("kt-pond")
    with pytest.raises(Refused, match="has no kt-pack"):
        home.install("reeds")


def test_a_dependency_that_is_asked_for_is_named(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.add(make_pack(tmp_path, "kt-lake"))
    package_index.add(make_pack(tmp_path, "kt-pond", requires=["kt-lake"]))
    home.install("kt-pond")
    _, person = home.install("kt-lake")
    assert "kt-lake" in "".join(person.questions) + person.text or not person.questions
