"""Packs from folders and repositories: built behind walls after a yes, or run from where they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import DataError, NotFound
from kt_marketplace.errors import Unreachable
from kt_marketplace.install.clone import clone
from kt_marketplace.install.errors import InstallFailed, Refused
from kt_marketplace.install.path import folders

from .installing import Home

PROJECT = """[project]
name = "kt-pond"
version = "{version}"
description = "A frog"
license = "MIT"
requires-python = ">=3.11"
dependencies = ["kt-core"]
[project.entry-points.kt]
pond = "kt_pond"
[build-system]
requires = []
build-backend = "{backend}"
backend-path = ["."]
[tool.uv.build-backend]
module-root = ""
module-name = "kt_pond"
"""
MANIFEST = '[pack]\nname = "kt-pond"\nversion = "{version}"\ndescription = "A frog"\nkt = ">=0.1"\n{needs}'
ENTRY = """from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.tool("croak", "kt_pond:croak", help="croaks")


def croak() -> str:
    return "{word}"
"""
BACKEND = """import os, pathlib, socket, subprocess

def build_wheel(folder, settings=None, metadata=None):
    said = []
    for name, attempt in {{
        "home": lambda: pathlib.Path({outside!r}).write_text("escaped"),
        "net": lambda: socket.create_connection(("127.0.0.1", {port}), 2),
    }}.items():
        try:
            attempt()
            said.append(name + " open")
        except OSError:
            said.append(name + " shut")
    said.append("secret " + os.environ.get("POND_TOKEN", "unseen"))
    raise SystemExit("; ".join(said))
"""


def project(
    folder: Path, *, version: str = "1.0", needs: str = "", backend: str = "uv_build", word: str = "croak"
) -> Path:
    """Write the source of a pack; return its folder."""
    (folder / "kt_pond").mkdir(parents=True, exist_ok=True)
    text = PROJECT.format(version=version, backend=backend)
    if backend == "uv_build":
        text = text.replace("requires = []", 'requires = ["uv_build>=0.9,<1"]').replace('backend-path = ["."]\n', "")
    (folder / "pyproject.toml").write_text(text)
    (folder / "kt_pond" / "kt-pack.toml").write_text(
        MANIFEST.format(version=version, needs=needs) + '[[provides]]\nkind = "tool"\nname = "croak"\n'
    )
    (folder / "kt_pond" / "__init__.py").write_text(ENTRY.format(word=word))
    return folder


def git(*words: str, cwd: Path) -> None:
    names = {f"GIT_{who}_{what}": "pond@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, env={**os.environ, **names})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = project(tmp_path / "repository" / "packs" / "pond").parent.parent
    git("init", "-q", "-b", "main", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "-q", "-m", "one", cwd=folder)
    git("tag", "v1", cwd=folder)
    project(folder / "packs" / "pond", version="2.0")
    git("commit", "-q", "-a", "-m", "two", cwd=folder)
    return folder


def test_a_folder_is_built_after_a_yes_and_its_wheel_is_looked_at(home: Home, tmp_path: Path) -> None:
    source = project(tmp_path / "pond", needs='[needs]\nnet = ["a.example"]\n')
    before = sorted(p.name for p in source.rglob("*"))
    with pytest.raises(Refused, match="Build pond from"):
        home.install(source, yes=False)
    _, person = home.install(source)
    assert person.questions == [f"Build pond from {source}, behind the sandbox's walls?", "Install kt-pond?"]
    assert "may      reach a.example" in person.text
    assert (home.versions, home.lock.packs["kt-pond"].source) == ({"kt-pond": "1.0"}, "folder")
    assert sorted(p.name for p in source.rglob("*")) == before
    project(source, version="1.1")
    home.update("kt-pond")
    assert home.versions == {"kt-pond": "1.1"}


def test_a_build_has_no_network_no_secret_and_only_its_copy(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setenv("POND_TOKEN", "s3cret")
    outside = tmp_path / "outside"
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = project(tmp_path / "pond", backend="backend")
        text = BACKEND.format(outside=str(outside), port=server.getsockname()[1])
        (source / "backend.py").write_text(text)
        with pytest.raises(InstallFailed, match=r"pond can't be built: .*home shut; net shut; secret unseen"):
            home.install(source)
    assert not outside.exists()
    assert folders() == []


def test_a_repository_is_kept_by_its_commit(home: Home, repository: Path) -> None:
    address = f"git+file://{repository}"
    home.install(f"{address}@v1#subdirectory=packs/pond")
    pack = home.lock.packs["kt-pond"]
    assert pack.version == "1.0"
    assert pack.source.startswith(f"{address}@")
    assert pack.source.endswith("#subdirectory=packs/pond")
    home.install(f"{address}#subdirectory=packs/pond")
    assert home.versions == {"kt-pond": "2.0"}
    for wrong, error in (
        ("git+file:///nowhere", Unreachable),
        (f"{address}@v9", NotFound),
        (address, DataError),
        (f"{address}#subdirectory=../..", DataError),
    ):
        with pytest.raises(error):
            home.install(wrong)


def test_nothing_of_a_repository_runs_when_it_is_fetched(home: Home, repository: Path, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    (repository / ".gitattributes").write_text("* filter=evil\n")
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)
    (repository / "link").symlink_to("/etc/passwd")
    git("add", ".", cwd=repository)
    git("commit", "-q", "-m", "evil", cwd=repository)
    folder, _ = clone(f"git+file://{repository}#subdirectory=packs/pond", tmp_path)
    assert (folder / "pyproject.toml").is_file()
    assert not (tmp_path / "clone" / "link").is_symlink()
    assert not canary.exists()


def test_an_address_may_hold_an_at_sign() -> None:
    from kt_marketplace.install.clone import _revision

    assert _revision("https://host/team/repo.git") == ("https://host/team/repo.git", "")
    assert _revision("https://host/team/repo.git@v1.2") == ("https://host/team/repo.git", "v1.2")
    assert _revision("ssh://git@host/team/repo") == ("ssh://git@host/team/repo", "")
    assert _revision("git@host:team/repo") == ("git@host:team/repo", "")


def test_an_editable_pack_runs_from_its_folder(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = project(tmp_path / "pond")
    _, person = home.install(source, editable=True)
    assert f"runs from {source}" in person.text
    assert person.questions == ["Install kt-pond?"]
    assert folders()[1:] == [str(source)]
    assert not list(home.site.glob("*.pth"))
    entry = Plugins().registry.entry("tool", "croak")
    assert (entry.dist, entry.version, entry.load()()) == ("kt-pond", "1.0", "croak")
    monkeypatch.delitem(sys.modules, "kt_pond")
    project(source, word="CROAK")
    assert Plugins().registry.get("tool", "croak")() == "CROAK"
    monkeypatch.delitem(sys.modules, "kt_pond")
    before = home.site
    project(source, version="1.1", needs='[needs]\nexec = ["any"]\n')
    _, person = home.update("kt-pond")
    assert "NEW      may run programs" in person.text
    assert home.site != before
    home.uninstall("kt-pond")
    assert source.is_dir()
    assert folders()[1:] == []


@pytest.mark.parametrize("needs", ["", '[needs]\nnet = ["a.example"]\n'])
def test_an_editable_pack_shows_what_its_wheel_would(home: Home, tmp_path: Path, needs: str) -> None:
    source = project(tmp_path / "pond", needs=needs)
    said = ["  brings   tool croak", "  registers pond = kt_pond in kt"]
    said.append("  may      reach a.example" if needs else "  may      do nothing beyond computing")
    _, editable = home.install(source, editable=True)
    home.uninstall("kt-pond")
    _, built = home.install(source)
    for person in (editable, built):
        assert [line for line in person.shown if line.startswith(("  brings", "  registers", "  may"))] == said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[project", "can't read the project"),
        ("[project]\nversion = '1'\n", r"project\.name must be"),
        ("[project]\nname = 'kt-pond'\ndynamic = ['version']\n", r"the version must stand in \[project\]"),
        ("[project]\nname = 'kt-lake'\nversion = '1'\n", "no import package 'kt_lake'"),
        ("[project]\nname = 'kt-pond'\nversion = '1'\ndependencies = ['!']\n", "a dependency"),
    ],
)
def test_an_editable_project_that_cannot_be_read_is_named(home: Home, tmp_path: Path, text: str, says: str) -> None:
    source = project(tmp_path / "pond")
    (source / "pyproject.toml").write_text(text)
    with pytest.raises(DataError, match=says):
        home.install(source, editable=True)
    assert folders() == []
