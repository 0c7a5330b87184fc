"""Attacks by sources, builds and uv: code of an attacker runs outside of the walls, or it is not what was shown."""

import json
import os
import socket
import tarfile
import tempfile
from pathlib import Path

import pytest
from kt.errors import DataError, NotFound, UsageError
from kt_marketplace.errors import Unreachable
from kt_marketplace.install import uv
from kt_marketplace.install.clone import clone
from kt_marketplace.install.consent import Consent
from kt_marketplace.install.errors import InstallFailed, Refused

from .installing import Home, PackageIndex
from .red_team import made
from .test_install_folders import git, project
from .test_install_folders import repository as repository


def source_of(folder: Path, name: str, canary: Path) -> Path:
    """Write a project that leaves a canary when anything of it is built."""
    folder.mkdir(parents=True)
    head = f'[project]\nname = "{name}"\nversion = "99"\ndynamic = ["dependencies"]\n'
    (folder / "pyproject.toml").write_text(
        head + '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
    )
    (folder / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 99\n")
    (folder / "b.py").write_text(f"open({str(canary)!r}, 'w').close()\n")
    return folder


def sdists(folder: Path, name: str, canary: Path) -> Path:
    """Return a uv.toml by which uv builds a distribution from source."""
    source = source_of(folder / "source" / f"{name}-99", name, canary)
    with tarfile.open(folder / f"{name}-99.tar.gz", "w:gz") as file:
        file.add(source, source.name)
    settings = folder / "uv.toml"
    settings.write_text(
        f'[pip]\nno-index = true\nfind-links = ["{folder}"]\nonly-binary = [":none:"]\nno-binary = [":all:"]\n'
    )
    return settings


def built_by(folder: Path, requires: list[object]) -> Path:
    """Write a project that setuptools would build, with what it says it requires."""
    source = project(folder, backend="setuptools.build_meta")
    text = (source / "pyproject.toml").read_text()
    (source / "pyproject.toml").write_text(text.replace("requires = []", f"requires = {json.dumps(requires)}"))
    return source


@pytest.mark.parametrize(
    ("requires", "says"),
    [
        (["--only-binary=:none:", "--no-binary=:all:", "./evil"], "'--only-binary=:none:'"),
        (["./evil"], "'./evil'"),
        (["-r requires.txt"], "'-r requires.txt'"),
        (["evil @ file:///evil"], "is an address"),
        (["evil; python_version > '\n--no-binary=:all:'"], "a list of texts"),
        ([5], "a list of texts"),
    ],
)
def test_what_a_build_requires_are_no_options_of_uv(
    home: Home, tmp_path: Path, requires: list[object], says: str
) -> None:
    source = built_by(tmp_path / "pond", requires)
    source_of(source / "evil", "evil", tmp_path / "ran")
    with pytest.raises(DataError, match=says):
        home.install(source)
    assert not (tmp_path / "ran").exists()


def test_uv_does_not_obey_settings_in_the_folder_of_temporary_files(
    home: Home, tmp_path: Path, package_index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdists(shared := tmp_path / "shared", "setuptools", tmp_path / "ran")
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    with pytest.raises(InstallFailed, match="setuptools was not found"):
        home.install(built_by(tmp_path / "pond", ["setuptools"]))
    assert not (tmp_path / "ran").exists()


def test_uv_does_not_obey_settings_above_the_home(home: Home, tmp_path: Path, package_index: PackageIndex) -> None:
    sdists(tmp_path / "links", "zpond", tmp_path / "ran").rename(tmp_path / "uv.toml")
    with pytest.raises(NotFound, match="no distribution zpond in the package index"):
        home.install("zpond", yes=False)
    assert not (tmp_path / "ran").exists()


def test_uv_reads_one_file_of_settings_and_it_is_its_users(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "repository" / "work"
    work.mkdir(parents=True)
    for folder in (work, work.parent):
        (folder / "uv.toml").write_text("no settings")
        (folder / "pyproject.toml").write_text("no project")
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    uv.run("pip", "freeze", cwd=work)
    (tmp_path / "config" / "uv").mkdir(parents=True)
    (tmp_path / "config" / "uv" / "uv.toml").write_text("required-version = '0.0.1'")
    with pytest.raises(InstallFailed, match=r"0\.0\.1"):
        uv.run("pip", "freeze", cwd=work)
    (tmp_path / "chosen.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_CONFIG_FILE", "chosen.toml")
    uv.run("pip", "freeze", cwd=work)


@pytest.mark.parametrize(
    ("leaves", "says"),
    [
        ("os.symlink({private!r}, out + '/' + {name!r})", "left no wheel"),
        ("os.rmdir(out); os.symlink({folder!r}, out)", "left no wheel"),
        ("os.mkfifo(out + '/' + {name!r})", "is no file"),
        ("os.mkdir(out + '/' + {name!r})", "is no file"),
        ("open(out + '/' + {name!r}, 'w').close()", "the build of kt-pond left a wheel called zpond"),
        ("open(out + '/a.whl', 'w').close(); open(out + '/b.whl', 'w').close()", "or more than one"),
    ],
)
def test_a_build_hands_over_the_wheel_of_its_project_and_nothing_else(
    home: Home, tmp_path: Path, leaves: str, says: str
) -> None:
    (tmp_path / "private").mkdir()
    private = made(tmp_path / "private")
    code = leaves.format(private=str(private), name=private.name, folder=str(private.parent))
    source = project(tmp_path / "pond", backend="backend")
    (source / "backend.py").write_text(f"import os\ndef build_wheel(out, *more):\n    {code}\n")
    with pytest.raises(InstallFailed, match=says):
        home.install(source)


@pytest.mark.parametrize("root", ["../other", "{folder}/other", "link", "sub/../../other"])
def test_an_editable_pack_runs_from_the_folder_that_was_shown(home: Home, tmp_path: Path, root: str) -> None:
    project(tmp_path / "other")
    source = project(tmp_path / "pond")
    (source / "sub").mkdir()
    (source / "link").symlink_to(tmp_path / "other")
    change(source, 'module-root = ""', f'module-root = "{root.format(folder=tmp_path)}"')
    with pytest.raises(DataError, match="leads out of the folder"):
        home.install(source, editable=True)


def change(source: Path, old: str, new: str) -> None:
    """Replace a part of a project's pyproject.toml."""
    file = source / "pyproject.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('version = "1.0"', 'version = "0/../x"', "project.version"),
        ('version = "1.0"', "version = 1", "the version must stand"),
        ('name = "kt-pond"', 'name = "../kt-pond"', "project.name"),
        ('name = "kt-pond"', "name = 5", "project.name"),
        ("[project]", "[[project]]", "project must be a table"),
        ('"A frog"', "5", "project.description"),
        ('["kt-core"]', "[1]", "project.dependencies"),
        ('["kt-core"]', '"kt-core"', "project.dependencies"),
        ('["kt-core"]', "[\"kt-core; python_version > '\\n-r x'\"]", "project.dependencies"),
        ('["kt-core"]', '["evil @ https://evil.example/evil.whl"]', "evil is an address"),
        ('[project.entry-points.kt]\npond = "kt_pond"', '[project.entry-points]\nkt = "x"', "kt must be a table"),
        ('pond = "kt_pond"', "pond = 5", "project.entry-points"),
        ('pond = "kt_pond"', '"a\\n[kt.path]\\nb" = "x"', "project.entry-points"),
        ('module-name = "kt_pond"', "module-name = 5", "module-name"),
        ('module-name = "kt_pond"', 'module-name = "../other/kt_pond"', "module-name"),
        ('module-root = ""', "module-root = 5", "module-root"),
        ("[tool.uv.build-backend]\n", "[tool]\nuv = 5\n[x]\n", "uv must be a table"),
    ],
)
def test_a_strange_project_is_an_error_at_its_file(home: Home, tmp_path: Path, old: str, new: str, says: str) -> None:
    source = project(tmp_path / "pond")
    change(source, old, new)
    with pytest.raises(DataError, match=says) as caught:
        home.install(source, editable=True)
    assert caught.value.where == str(source / "pyproject.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("build-system = 5", r"\[build-system\] must be a table"),
        ("[build-system]\nrequires = 5", "build-system.requires"),
        ("[build-system]\nbuild-backend = 5", "build-system.build-backend"),
        ("[build-system]\nbuild-backend = 'os; x'", "build-system.build-backend"),
        ("[build-system]\nbackend-path = ['..']", "backend-path leads out"),
        ("x = " + "[" * 100_000, "can't read the project"),
    ],
)
def test_a_strange_build_is_an_error_of_the_project(home: Home, tmp_path: Path, text: str, says: str) -> None:
    (project(tmp_path / "pond") / "pyproject.toml").write_text(text)
    with pytest.raises(DataError, match=says):
        home.install(tmp_path / "pond")


def test_what_can_not_be_copied_is_named(home: Home, tmp_path: Path) -> None:
    source = project(tmp_path / "pond")
    os.mkfifo(source / "pipe")
    with pytest.raises(DataError, match="named pipe"):
        home.install(source)
    (source / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(source / "s"))
        with pytest.raises(DataError, match="can't copy the project"):
            home.install(source)


def test_a_folder_of_the_source_is_not_taken_for_ours(home: Home, tmp_path: Path) -> None:
    source = project(tmp_path / "pond")
    (source / "kt-wheel").mkdir()
    (source / "kt-wheel" / "kt_pond-6.6-py3-none-any.whl").write_bytes(b"evil")
    home.install(source)
    assert home.versions == {"kt-pond": "1.0"}


def test_two_wheels_of_one_name_are_named(home: Home, tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path, version="2.0")
    with pytest.raises(UsageError, match=r"zpond-1\.0.* and .*zpond-2\.0.* are both zpond"):
        home.install(first, second)


def test_a_git_address_leaves_other_repositories_alone(
    home: Home, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("clone", "-q", str(repository), str(tmp_path / "mine"), cwd=tmp_path)
    head = tmp_path / "mine" / ".git" / "HEAD"
    before = head.read_text()
    monkeypatch.setenv("GIT_DIR", str(head.parent))
    monkeypatch.setenv("GIT_INDEX_FILE", str(head.parent / "index"))
    folder, _ = clone(f"git+file://{repository}@v1#subdirectory=packs/pond", tmp_path)
    assert (folder / "pyproject.toml").is_file()
    assert head.read_text() == before


@pytest.mark.parametrize("address", ["git+file://{}@-f", "git+file://{}@--orphan=x"])
def test_a_revision_is_no_option_of_git(repository: Path, tmp_path: Path, address: str) -> None:
    with pytest.raises(DataError, match="is no revision"):
        clone(address.format(repository), tmp_path)


@pytest.mark.parametrize("address", ["git@host.invalid:a/b", "git+https://host.invalid/a", "git+ssh://host.invalid/a"])
def test_git_asks_no_server_where_the_network_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("KT_OFFLINE", "1")
    with pytest.raises(Unreachable, match="KT_OFFLINE forbids"):
        clone(address, tmp_path)


def test_a_question_and_what_is_shown_are_inert(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = project(tmp_path / "pond\x1b[2K\u202e")
    with pytest.raises(Refused, match=r"Build pond\\x1b\[2K\\u202e from") as caught:
        home.install(source, yes=False)
    assert caught.value.what.isprintable()
    Consent().tell(["a\x1b[2K" + "b" * 1000])
    assert capsys.readouterr().err == "a\\x1b[2K" + "b" * 1000 + "\n"
