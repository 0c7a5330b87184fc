"""Publishing: what goes into an index, what is refused, and that a served index can be installed from."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from zipfile import ZipFile

import pytest
import uv
from kt import Plugins
from kt.errors import ConfigError, DataError, KTError, NotFound, UsageError
from kt_marketplace.commands import marketplace, publish
from kt_marketplace.index import Document, Sources, choose
from kt_marketplace.index.document import text_of
from kt_marketplace.index.serve import Server
from kt_marketplace.index.signing import SigningKey
from kt_marketplace.index.simple import JSON
from kt_marketplace.transport import fetch
from packaging.specifiers import SpecifierSet

from .index_world import a_wheel
from .wheels import make_pack


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins()


class Publisher:
    """Somebody who publishes to the index `team`."""

    def __init__(self, folder: Path, plugins: Plugins) -> None:
        self.folder, self.key, self.plugins = folder / "team", folder / "key.pem", plugins

    def __call__(self, *words: str | Path, key: bool = True) -> int:
        given = ["--index", str(self.folder), *(["--key", str(self.key)] if key else [])]
        return marketplace.main(["publish", *map(str, words), *given], self.plugins)

    def document(self) -> Document:
        return Document.parse((self.folder / "index.json").read_bytes(), where="it")


@pytest.fixture
def team(tmp_path: Path, plugins: Plugins) -> Publisher:
    publisher = Publisher(tmp_path, plugins)
    marketplace.main(["publish", "--new-key", str(publisher.key)], plugins)
    return publisher


def test_a_key_is_its_owners_alone_and_never_overwritten(
    tmp_path: Path, plugins: Plugins, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key.pem"
    assert marketplace.main(["publish", "--new-key", str(file)], plugins) == 0
    key = SigningKey.load(file)
    assert f"public key {text_of(key.public)}\n" in capsys.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="is there already"):
        marketplace.main(["publish", "--new-key", str(file)], plugins)
    file.chmod(0o644)
    with pytest.raises(DataError, match="others may read this key"):
        SigningKey.load(file)


@pytest.mark.parametrize("data", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(data)
    file.chmod(0o600)
    with pytest.raises(DataError, match="no Ed25519 key"):
        SigningKey.load(file)
    with pytest.raises(NotFound, match="can't read the key"):
        SigningKey.load(tmp_path / "none.pem")


def test_a_wheel_is_looked_at_signed_and_listed(
    team: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = a_wheel(tmp_path / "dist")
    assert team(wheel, "--publisher", "The team", "--expires", "10") == 0
    assert capsys.readouterr().out.endswith("team: version 1, 1 pack, signed\n")
    document = team.document()
    document.verify(SigningKey.load(team.key).public)
    release = document.packs["kt-owl"].versions["1.0"]
    assert (document.name, document.publisher, (document.expires - document.created).days) == ("team", "The team", 10)
    assert (release.needs.net, [p.name for p in release.provides]) == (("example.org",), ["kt_owl_hoot"])
    assert (team.folder / release.files[0].url).read_bytes() == wheel.read_bytes()


def test_each_change_is_a_new_version(team: Publisher, tmp_path: Path) -> None:
    team(a_wheel(tmp_path / "dist"))
    team(a_wheel(tmp_path / "dist", version="1.1", description="New owls"), a_wheel(tmp_path / "dist", "kt-hawk"))
    team(tmp_path / "dist")  # a folder of wheels, all of them known
    document = team.document()
    assert (document.version, sorted(document.packs), document.packs["kt-owl"].description) == (
        3,
        ["kt-hawk", "kt-owl"],
        "New owls",
    )
    assert list(document.packs["kt-owl"].versions) == ["1.0", "1.1"]


def test_an_older_version_does_not_change_what_is_said_of_a_pack(team: Publisher, tmp_path: Path) -> None:
    team(a_wheel(tmp_path / "dist", version="1.1", description="New owls"))
    team(a_wheel(tmp_path / "dist", version="1.0"))
    assert team.document().packs["kt-owl"].description == "New owls"


def test_what_was_published_never_changes(team: Publisher, tmp_path: Path) -> None:
    team(a_wheel(tmp_path / "dist"))
    before = (team.folder / "index.json").read_bytes()
    wheel = a_wheel(tmp_path / "dist", description="Cats")
    with pytest.raises(DataError, match="was published with other bytes"):
        team(wheel)
    assert (team.folder / "index.json").read_bytes() == before
    assert (team.folder / "wheels" / wheel.name).read_bytes() != wheel.read_bytes()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"evil.pth": "import os"}, "pth"),
        ({"kt_owl/kt-pack.toml": ""}, "pack.name is missing"),
        ({"kt_owl/tools.py": "import subprocess\nsubprocess.run(['ls'])\n"}, "subprocess"),
    ],
)
def test_what_nobody_could_install_is_not_published(
    team: Publisher, tmp_path: Path, files: dict[str, str], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        team(a_wheel(tmp_path / "dist", files=files))
    assert not team.folder.exists()


def test_a_name_that_an_official_pack_has_is_not_published(
    project: Path, team: Publisher, tmp_path: Path, plugins: Plugins, capsys: pytest.CaptureFixture[str]
) -> None:
    says = "tool bash is registered by kt-builtin-tools"
    with pytest.raises(DataError, match=says):
        team(make_pack(tmp_path, "kt-owl", provides=[("tool", "bash")]))
    for file in (project / "kt_owl").iterdir():
        file.write_text(file.read_text().replace("kt_owl_hoot", "bash"))
    with pytest.raises(DataError, match="don't hold"):
        publish.main([str(project)], plugins)
    assert says in capsys.readouterr().err
    assert not team.folder.exists()


def test_an_index_keeps_its_key(team: Publisher, tmp_path: Path, plugins: Plugins) -> None:
    wheel = a_wheel(tmp_path / "dist")
    team(wheel)
    with pytest.raises(UsageError, match="this index is signed"):
        team(wheel, key=False)
    with pytest.raises(UsageError, match="is signed with another key"):
        team(wheel, "--new-key", tmp_path / "other.pem", key=False)
    assert team.document().version == 1


def test_an_index_of_this_machine_need_not_be_signed(team: Publisher, tmp_path: Path) -> None:
    assert team(a_wheel(tmp_path / "dist"), key=False) == 0
    assert not team.document().signatures
    team(tmp_path / "dist")
    assert team.document().signatures


def test_a_publisher_can_change_and_a_name_can_not(team: Publisher, tmp_path: Path) -> None:
    team(a_wheel(tmp_path / "dist"))
    team("--publisher", "The owls", "--name", "team")
    assert (team.document().publisher, team.document().version) == ("The owls", 2)
    team()
    assert team.document().publisher == "The owls"
    with pytest.raises(UsageError, match="this index is called 'team'"):
        team("--name", "owls")


def test_a_version_is_withdrawn(team: Publisher, tmp_path: Path) -> None:
    team(a_wheel(tmp_path / "dist"))
    team("--yank", "kt_owl", "1.0", "it hoots by day")
    assert team.document().packs["kt-owl"].versions["1.0"].yanked == "it hoots by day"
    for words, says in (
        (("kt-0wl", "1.0", "x"), "has no 'kt-0wl'"),
        (("kt-owl", "2", "x"), "no kt-owl 2"),
        (("kt-owl", "1.0", " "), "say why"),
    ):
        with pytest.raises(KTError, match=says):
            team("--yank", *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["x.whl"], "which index"),
        ([], "which index"),
        (["--yank", "a", "1", "b"], "which index"),
        (["--key", "a", "--new-key", "b"], "are two keys"),
        (["--expires", "0", "--index", "x"], "out of range"),
        (["--index", "x", "nowhere"], "no wheel and no pyproject.toml"),
        (["--index", "x", "--name", "a b"], "can't be called"),
    ],
)
def test_what_makes_no_sense_is_refused(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KTError, match=says):
        marketplace.main(["publish", *words], plugins)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.address
        finally:
            server.shutdown()
            thread.join()


def get(url: str, accept: str = "*/*", method: str = "GET") -> tuple[str, bytes]:
    with urlopen(Request(url, headers={"Accept": accept}, method=method), timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


def test_a_served_index_is_a_source(team: Publisher, tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "dist")
    team(wheel)
    with serving(team.folder) as address:
        sources = Sources(tmp_path / "home", environment={})
        sources.add(sources.offer(address, text_of(SigningKey.load(team.key).public)))
        choice = choose(sources.find("kt-owl"), SpecifierSet(), "0.1.0")
        (file,) = choice.files
        assert fetch(file.url, file.sha256, tmp_path / file.name, size=file.size).read_bytes() == wheel.read_bytes()
        (team.folder / "wheels" / file.name).write_bytes(b"x" * file.size)
        with pytest.raises(DataError, match="is not the file that its index names"):
            fetch(file.url, file.sha256, tmp_path / "again.whl", size=file.size)


def test_the_pages_that_uv_and_pip_read(team: Publisher, tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "dist")
    team(wheel)
    team("--yank", "kt-owl", "1.0", 'it <b>hoots</b> "by day"')
    with serving(team.folder) as address:
        base = address.removesuffix("index.json")
        kind, html = get(f"{base}simple/kt-owl/")
        digest = team.document().packs["kt-owl"].versions["1.0"].files[0].sha256
        assert kind.startswith("text/html")
        assert f'href="../../wheels/{wheel.name}#sha256={digest}"'.encode() in html
        assert b'data-yanked="it &lt;b&gt;hoots&lt;/b&gt; &quot;by day&quot;"' in html
        kind, data = get(f"{base}simple/kt-owl/", JSON)
        (file,) = json.loads(data)["files"]
        assert (kind, file["hashes"], file["size"]) == (JSON, {"sha256": digest}, wheel.stat().st_size)
        assert json.loads(get(f"{base}simple/", JSON)[1])["projects"] == [{"name": "kt-owl"}]
        assert b'<a href="kt-owl/">' in get(f"{base}simple/")[1]
        assert get(f"{base}wheels/{wheel.name}", method="HEAD")[1] == b""
        assert get(f"{base}index.json?x=1")[1] == (team.folder / "index.json").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        *("", "wheels/", "wheels", "key.pem", "wheels/other.whl", "../key.pem", "wheels/../../key.pem"),
        *("%2e%2e/key.pem", "simple/kt-none/", "simple/kt-owl", "simple/../index.json", "wheels/%00", "//etc/passwd"),
    ],
)
def test_nothing_else_is_served(team: Publisher, tmp_path: Path, path: str) -> None:
    team(a_wheel(tmp_path / "dist"))
    (team.folder / "key.pem").write_text("secret")
    (team.folder / "wheels" / "other.whl").write_text("not in the index")
    with serving(team.folder) as address, pytest.raises(HTTPError) as raised:
        get(address.removesuffix("index.json") + path)
    raised.value.close()
    assert raised.value.code == 404


def test_a_wheel_that_leads_out_of_the_folder_is_not_served(team: Publisher, tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "dist")
    team(wheel)
    (team.folder / "wheels" / wheel.name).unlink()
    (team.folder / "wheels" / wheel.name).symlink_to(team.key)
    with serving(team.folder) as address, pytest.raises(HTTPError) as raised:
        get(address.replace("index.json", f"wheels/{wheel.name}"))
    raised.value.close()
    assert raised.value.code == 404


def test_a_folder_without_index_and_a_taken_port_are_errors(team: Publisher, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no index.json"):
        Server(tmp_path)
    team(a_wheel(tmp_path / "dist"))
    with Server(team.folder) as server, pytest.raises(ConfigError, match="can't listen"):
        Server(team.folder, port=server.server_port)


def test_uv_installs_from_a_served_index_and_holds_it_to_its_hashes(team: Publisher, tmp_path: Path) -> None:
    team(a_wheel(tmp_path / "dist"))
    with serving(team.folder) as address:
        command = [uv.find_uv_bin(), "pip", "install", "--no-config", "--no-cache", "--python", sys.executable]
        command += ["--no-deps", "--reinstall", "--target", str(tmp_path / "site")]
        command += ["--index-url", address.replace("index.json", "simple/"), "kt-owl==1.0"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, (tmp_path / "site" / "kt_owl" / "kt-pack.toml").is_file()) == (0, True), done.stderr
        a_wheel(team.folder / "wheels", description="Changed behind the index")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode != 0, "Hash mismatch" in done.stderr) == (True, True), done.stderr


PYPROJECT = """\
[project]
name = "kt-owl"
version = "1.0"
description = "Owls for agents"
readme = "README.md"
license = "Apache-2.0"
license-files = ["LICENSE"]
requires-python = ">=3.11"
dependencies = ["kt-core"]

[project.entry-points.kt]
owl = "kt_owl"

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[tool.uv.build-backend]
module-root = ""
module-name = "kt_owl"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Write the folder of a pack whose wheel would be `a_wheel`."""
    folder = tmp_path / "kt-owl"
    with ZipFile(a_wheel(tmp_path / "source")) as archive:
        archive.extractall(folder, [n for n in archive.namelist() if n.startswith("kt_owl/")])
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "README.md").write_text("# Owls\n")
    (folder / "LICENSE").write_text("Apache-2.0\n")
    return folder


def test_an_author_sees_the_entry_of_a_pack(
    project: Path, plugins: Plugins, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish.main([str(project)], plugins) == 0
    said = capsys.readouterr()
    entry: dict[str, Any] = json.loads(said.out)["kt-owl"]["versions"]["1.0"]
    assert (entry["kt"], entry["needs"], entry["requires"]) == (">=0.1,<1", {"net": ["example.org"]}, ["kt-core"])
    assert "nothing was published" in said.err
    assert not list(project.glob("**/*.whl"))


def test_an_author_adds_a_pack_to_an_index(project: Path, team: Publisher, plugins: Plugins) -> None:
    assert publish.main([str(project), "--index", str(team.folder), "--key", str(team.key)], plugins) == 0
    assert list(team.document().packs) == ["kt-owl"]
    assert (team.folder / "wheels" / "kt_owl-1.0-py3-none-any.whl").is_file()


def test_a_pack_that_fails_a_check_is_not_published(
    project: Path, team: Publisher, plugins: Plugins, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "kt_owl" / "__init__.py"
    file.write_text(file.read_text().replace("kt_owl.tools:hoot", "kt_owl.tools:growl"))
    with pytest.raises(DataError, match="don't hold"):
        publish.main([str(project), "--index", str(team.folder), "--key", str(team.key)], plugins)
    assert "growl" in capsys.readouterr().err
    assert not team.folder.exists()


def test_a_folder_that_is_no_pack_is_refused(tmp_path: Path, plugins: Plugins) -> None:
    with pytest.raises(NotFound, match=r"no wheel and no pyproject.toml"):
        publish.main([str(tmp_path)], plugins)
