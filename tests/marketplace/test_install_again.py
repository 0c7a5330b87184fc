"""What is there already, what is gone, what is broken: said in words of its own, and never in the way of others."""

import shutil
import sys
from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import ConfigError, NotFound, PluginError, UsageError
from kt_marketplace import doctor, packages
from kt_marketplace.index import Sources
from kt_marketplace.install import transaction
from kt_marketplace.install.errors import Refused
from kt_marketplace.install.in_use import in_use
from kt_marketplace.install.path import lock_file

from .index_world import a_pack, a_release, an_index, write_index
from .installing import Asked, Home, PackageIndex
from .test_install_folders import git, project
from .wheels import make_pack


@pytest.fixture
def lost(home: Home, tmp_path: Path) -> Path:
    """Install kt-pond from its folder; return where that has gone."""
    source = project(tmp_path / "pond")
    home.install(source, editable=True)
    sys.modules.pop("kt_pond", None)
    return source.rename(tmp_path / "elsewhere")


def test_what_is_there_is_said_and_not_asked_about(home: Home, tmp_path: Path) -> None:
    wheel, source = make_pack(tmp_path, "kt-reeds"), project(tmp_path / "pond")
    git("init", "-q", "-b", "main", cwd=source)
    git("add", ".", cwd=source)
    git("commit", "-q", "-m", "one", cwd=source)
    for words, editable in (
        ((wheel,), False),
        ((source,), False),
        ((f"git+file://{source}",), False),
        ((source,), True),
    ):
        home.install(*words, editable=editable)
        done, person = home.install(*words, editable=editable)
        assert done.already == (("kt-reeds 1.0",) if words == (wheel,) else ("kt-pond 1.0",))
        assert not any(question.startswith("Install") for question in person.questions)
        assert person.shown == []


def test_a_folder_that_is_gone_is_in_nobodys_way(home: Home, tmp_path: Path, lost: Path) -> None:
    says = f"kt-pond runs from {tmp_path / 'pond'}, which is gone"
    before = home.lock.packs["kt-pond"]
    _, person = home.install(make_pack(tmp_path, "kt-reeds"))
    assert f"note: {says}" in person.text
    home.uninstall("kt-reeds")
    home.sync()
    assert home.lock.packs == {"kt-pond": before}
    with pytest.raises(PluginError, match=f"{says}: kt uninstall kt-pond, or kt install -e NEWPLACE"):
        Plugins()
    with pytest.raises(ConfigError, match=says):
        in_use()
    (row,) = doctor.check()
    assert (row[0], says in row[2], row[3]) == (False, True, "kt uninstall kt-pond, or kt install -e NEWPLACE")
    with pytest.raises(NotFound, match=says):
        home.update("kt-pond")


def test_a_folder_that_is_back_runs_as_before(home: Home, tmp_path: Path, lost: Path) -> None:
    home.install(make_pack(tmp_path, "kt-reeds"))
    lost.rename(tmp_path / "pond")
    assert Plugins().registry.entry("tool", "croak").dist == "kt-pond"
    assert in_use()


def test_a_folder_that_moved_is_installed_from_where_it_is(home: Home, lost: Path) -> None:
    home.install(lost, editable=True)
    assert home.lock.packs["kt-pond"].editable == str(lost)
    shutil.rmtree(lost)
    home.uninstall("kt-pond")
    assert home.versions == {}


def test_a_broken_lock_is_gone_back_from(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    home.install(make_pack(tmp_path, "kt-pond", "2.0"))
    lock_file().write_text("{")
    home.rollback()
    assert home.versions == {"kt-pond": "1.0"}
    with pytest.raises(NotFound, match="is not installed"):
        home.uninstall("kt-reeds")


def test_going_back_shows_both_versions(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    home.install(make_pack(tmp_path, "kt-pond", "2.0"))
    person = Asked()
    transaction.rollback(consent=person)
    assert person.shown == ["+ kt-pond 2.0 -> 1.0 (file)"]


def test_wheels_are_found_anywhere_below_a_folder(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    monkeypatch.setenv("KT_HOME", str(tmp_path / "second"))
    with pytest.raises(NotFound, match="no folder"):
        home.sync(home.folder / "kt.lock", wheels=tmp_path / "nope")
    home.sync(home.folder / "kt.lock", wheels=home.folder / "packs" / "wheels")
    assert home.versions == {"kt-pond": "1.0"}


def test_what_was_repaired_is_named(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond"), make_pack(tmp_path, "kt-reeds"))
    assert home.sync()[0].repaired == ()
    (home.site / "kt_pond" / "__init__.py").write_text("")
    assert [pack.name for pack in home.sync()[0].repaired] == ["kt-pond"]


def test_what_is_installed_again_is_repaired(home: Home, tmp_path: Path) -> None:
    wheel = make_pack(tmp_path, "kt-pond")
    home.install(wheel)
    shutil.rmtree(home.site.parent)
    done, person = home.install(wheel)
    assert ([p.name for p in done.repaired], done.already, person.questions) == (["kt-pond"], ("kt-pond 1.0",), [])
    assert (home.site / "kt_pond" / "__init__.py").is_file()
    assert home.install(wheel)[0].repaired == ()


def test_a_folder_names_what_is_removed(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = project(tmp_path / "pond")
    home.install(source, editable=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="names no pack"):
        home.uninstall("./nothing")
    with pytest.raises(NotFound):
        home.uninstall("kt-pond", "kt-unknown")
    assert home.versions == {"kt-pond": "1.0"}
    home.uninstall("./pond")
    assert home.versions == {}


def test_an_index_that_is_not_known_is_not_there_already(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    with pytest.raises(NotFound, match="no source named 'nosuch'"):
        home.install("@nosuch/kt-pond")


def test_a_dry_run_shows_and_changes_nothing(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.add(make_pack(tmp_path, "kt-pond"))
    person = Asked(answer=False)
    done = transaction.install(["kt-pond"], plugins=home.plugins, consent=person, dry=True)
    assert (done.dry, person.questions, "+ kt-pond 1.0" in person.text, home.versions) == (True, [], True, {})
    home.install("kt-pond")
    package_index.add(make_pack(tmp_path, "kt-pond", "2.0", needs={"net": ["a.example"]}))
    transaction.update(["kt-pond"], plugins=home.plugins, consent=person, dry=True)
    assert (person.questions, home.versions) == ([], {"kt-pond": "1.0"})
    assert person.text.count("a.example") == 1


class Index:
    """The marketplace index of a folder that was added."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.version = folder, 0
        self.offer({})
        Sources().add(Sources().offer(str(folder)))

    def offer(self, versions: dict[str, str]) -> None:
        """Offer versions of kt-pond, whose wheels the package index has; the text says why one was withdrawn."""
        self.version += 1
        releases = {
            v: a_release(files=[], needs={}, provides=[], **({"yanked": w} if w else {})) for v, w in versions.items()
        }
        packs = {"kt-pond": a_pack(versions=releases)} if releases else {}
        write_index(self.folder, an_index(version=self.version, packs=packs))


def test_an_update_sees_what_its_index_has_now(home: Home, package_index: PackageIndex, tmp_path: Path) -> None:
    index = Index(tmp_path / "team")
    for version in ("1.0", "2.0"):
        package_index.add(make_pack(tmp_path, "kt-pond", version))
    index.offer({"1.0": ""})
    Sources().refresh("team")
    home.install("@kt-pond")
    index.offer({"1.0": "", "2.0": ""})
    home.update("kt-pond")
    assert home.versions == {"kt-pond": "2.0"}
    index.offer({"1.0": "", "2.0": "it sinks"})
    with pytest.raises(Refused, match="Update"):
        home.update("kt-pond", yes=False)
    _, person = home.update("kt-pond")
    assert "note: kt-pond 2.0 was withdrawn: it sinks" in person.text
    assert "NEW      an older version than 2.0" in person.text
    assert home.versions == {"kt-pond": "1.0"}
    shutil.rmtree(index.folder)
    _, person = home.update("kt-pond")
    assert "note: kept the index team of 0 hours ago: no index at" in person.text


def test_what_cannot_be_looked_for_stays_and_the_others_move(
    home: Home, package_index: PackageIndex, tmp_path: Path
) -> None:
    index = Index(tmp_path / "team")
    index.offer({"1.0": ""})
    Sources().refresh("team")
    for name in ("kt-pond", "kt-reeds"):
        package_index.add(make_pack(tmp_path, name))
    home.install("@kt-pond", "kt-reeds")
    Sources().remove("team")
    package_index.add(make_pack(tmp_path, "kt-reeds", "2.0"))
    _, person = home.update()
    assert "note: kt-pond stays as it is: no source has a pack 'kt-pond'; it came from index team" in person.text
    assert home.versions == {"kt-pond": "1.0", "kt-reeds": "2.0"}
    home.uninstall("kt-reeds")
    with pytest.raises(NotFound, match="no source has a pack"):
        home.update()


def test_what_is_of_no_pack_is_named_when_it_is_removed(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    (home.site / "zz.py").touch()
    _, person = home.sync()
    assert person.shown == ["removed zz.py, which is of no pack"]
    assert not (home.site / "zz.py").exists()
    assert home.sync()[1].shown == []


def test_ones_own_lock_is_nobody_elses(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond"))
    copied = shutil.copy(lock_file(), tmp_path / "kt.lock")
    assert home.sync(Path(copied))[1].questions == []


@pytest.mark.parametrize("word", ["@kt-pond", "kt-pond", "git+file:///pond", "WHEEL"])
def test_only_a_folder_is_run_from_where_it_is(home: Home, tmp_path: Path, word: str) -> None:
    word = word.replace("WHEEL", str(make_pack(tmp_path, "kt-pond")))
    with pytest.raises(UsageError, match="is no folder"):
        home.install(word, editable=True)


def test_who_asks_in_python_is_told_how_to_say_yes_in_python(home: Home, tmp_path: Path) -> None:
    with pytest.raises(Refused) as raised:
        packages.ensure(str(make_pack(tmp_path, "kt-pond")))
    assert raised.value.hint == "yes=True says yes"
