"""Attacks on `kt install`: each is refused or asked about, nothing of it is imported, and what is installed stays.

`pytest -s` prints which finding stopped which attack.
"""

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import pytest
from kt.errors import KTError
from kt_marketplace.index import Sources
from kt_marketplace.index.signing import SigningKey

from .hostile import HOSTILE, victim
from .hostile_indexes import INDEX, REFRESHED, Attacker, Outcome, Stage
from .index_world import Web, document, says
from .installing import Home, PackageIndex
from .wheels import canary, make_pack

Table: TypeAlias = dict[str, tuple[Outcome, str]]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Return what stopped each attack; it is printed at the end."""
    rows: Table = {}
    yield rows
    print()
    for name, (outcome, why) in rows.items():
        print(f"{name:<42} {outcome:<8} {why[:150]}")
    print(f"{len(rows)} attacks, {sum(outcome == 'refused' for outcome, _ in rows.values())} refused, the others asked")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which kt-lake is installed."""
    folder = tmp_path_factory.mktemp("furnished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KT_HOME", str(folder))
        Home(folder).install(make_pack(tmp_path_factory.mktemp("lake"), "kt-lake"))
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return victim(tmp_path_factory.mktemp("victim"))


@pytest.fixture
def attacker(home: Home, furnished: Path, tmp_path: Path) -> Attacker:
    shutil.copytree(furnished, home.folder, dirs_exist_ok=True)
    (tmp_path / "attacker").mkdir()
    return Attacker(tmp_path / "attacker", home)


@pytest.fixture
def stage(attacker: Attacker, package_index: PackageIndex, tmp_path: Path) -> Iterator[Stage]:
    keys = (SigningKey.create(tmp_path / f"{name}.pem") for name in ("key", "other"))
    with Web().running() as web:
        yield Stage(attacker.folder, attacker.home, package_index, web, *keys)


A_THIRD = [name if place % 3 == 0 else pytest.param(name, marks=pytest.mark.slow) for place, name in enumerate(HOSTILE)]
"""All of them are looked at in test_inspect.py; the slow set installs them all, too."""


@pytest.mark.parametrize("name", A_THIRD)
def test_a_hostile_wheel_is_refused_or_asked_about(attacker: Attacker, table: Table, site: Path, name: str) -> None:
    hostile = HOSTILE[name]
    sys.path.append(str(site))
    level: Outcome = "refused" if hostile.level == "refuse" else "asked"
    if name == "confusable dependency":
        attacker.home.install(attacker.wheel("kt-yarnl"))
    why = attacker.attack(str(hostile.make(attacker.folder)), level)
    expect(table, name, level, SAID_BY_UV.get(name, hostile.says), why)


def expect(table: Table, name: str, level: Outcome, says: str, why: str) -> None:
    assert says in why
    table[name] = level, next((line.strip() for line in why.splitlines() if says in line), why)


SAID_BY_UV = {"kernel requirement": "kt-x depend on kt-core<0.1 and kt-core==0.1.0"}


@pytest.mark.parametrize("name", INDEX)
def test_a_hostile_index_is_refused_or_asked_about(stage: Stage, table: Table, name: str) -> None:
    prepare, level, says = INDEX[name]
    expect(table, name, level, says, stage.attack(prepare(stage), level))


@pytest.mark.parametrize("name", REFRESHED)
def test_a_hostile_refresh_changes_nothing(stage: Stage, table: Table, name: str) -> None:
    made, says_of_it = REFRESHED[name]
    good = stage.wheel()
    stage.web.pages["/index.json"] = says(document(stage.listing(good, name="team", version=5), stage.key))
    stage.add(f"{stage.web.address}/index.json")
    before = stage.bytes()
    evil = stage.wheel(files={"kt_owl/evil.py": "import socket\n"})
    stage.web.pages["/index.json"] = says(made(stage, evil))
    stage.web.pages[f"/wheels/{evil.name}"] = says(evil.read_bytes())
    with pytest.raises(KTError) as raised:
        Sources().refresh("team")
    assert stage.bytes() == before
    expect(table, name, "refused", says_of_it, raised.value.what)
    # What was accepted before still counts, and the wheel that is there now is another one.
    assert evil.name in stage.attack("@kt-owl", "refused")


def test_a_higher_version_elsewhere_is_not_taken(stage: Stage) -> None:
    """Install a pack of an index whose name the package index has with a higher version; then update it."""
    stage.served(stage.wheel())
    stage.index.add(stage.wheel(version="99.0"))
    stage.home.install("@kt-owl")
    stage.home.update("kt-owl")
    assert stage.home.lock.packs["kt-owl"].version == "1.0"
    assert stage.home.lock.packs["kt-owl"].source == "index team"
    assert not canary(stage.folder).exists()


def test_an_update_does_not_go_to_another_index(stage: Stage) -> None:
    stage.served(stage.wheel(requires=["kt-nest"]), stage.wheel("kt-nest"))
    stage.home.install("@kt-nest", "@kt-owl")
    stage.index.add(stage.wheel("kt-nest", "99.0"))
    stage.home.update("kt-owl")
    assert stage.home.lock.packs["kt-nest"].source == "index team"


def test_installing_one_pack_swaps_no_other(stage: Stage) -> None:
    stage.served(stage.wheel())
    stage.home.install("@kt-owl")
    before = stage.home.lock.packs["kt-owl"]
    stage.index.add(stage.wheel(files={"kt_owl/evil.py": ""}))
    stage.index.add(stage.wheel("kt-nest", requires=["kt-owl"]))
    stage.home.install("kt-nest")
    assert stage.home.lock.packs["kt-owl"] == before


def test_a_file_does_not_call_itself_as_what_is_there(attacker: Attacker) -> None:
    wheel = attacker.wheel("kt-biome", version("kt-biome"), files={"owls/__init__.py": "import socket\n"})
    assert "kt-biome" in attacker.attack(str(wheel), "refused")


def test_a_package_index_without_digests_is_refused_or_asked_about(stage: Stage) -> None:
    stage.index.hashes = False
    stage.index.add(stage.wheel())
    assert "gives no SHA-256 of kt_owl" in stage.attack("kt-owl", "asked")


def test_a_dependency_without_a_digest_is_asked_about(stage: Stage) -> None:
    stage.index.add(stage.wheel(requires=["kt-nest"]))
    stage.index.hashes = False
    stage.index.add(stage.wheel("kt-nest"))
    said = stage.attack("kt-owl", "asked")
    assert ("gives no SHA-256 of kt_nest" in said, "gives no SHA-256 of kt_owl" in said) == (True, False)


def test_an_index_that_gives_no_digest_any_more_is_asked_about_at_an_update(stage: Stage) -> None:
    """Nothing else of the new version needs a yes: it asks for no more than the one before."""
    stage.index.add(stage.wheel())
    stage.home.install("kt-owl")
    stage.index.hashes = False
    stage.index.add(stage.wheel(version="2.0"))
    _, person = stage.home.update("kt-owl")
    assert person.questions
    assert "gives no SHA-256 of kt_owl-2.0" in person.text


def test_an_index_whose_page_can_not_be_read_is_asked_about(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that shows uv more than it shows to others: here it answers only who knows its password."""
    stage.index.add(stage.wheel())
    stage.index.password = "owl"
    monkeypatch.setenv("UV_DEFAULT_INDEX", stage.index.url.replace("//", "//someone:owl@"))
    assert "can't be seen: " in stage.attack("kt-owl", "asked")


def test_there_are_more_than_twenty_attacks() -> None:
    assert len({**HOSTILE, **INDEX, **REFRESHED}) == len(HOSTILE) + len(INDEX) + len(REFRESHED) > 120
