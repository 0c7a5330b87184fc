"""A home of packs, and a package index, for each test that wants one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installing import Home, PackageIndex


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Return an empty home; uv knows no package index. What a test imports of its packs is forgotten."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("KT_HOME", str(folder))
    settings = tmp_path / "no-index.toml"
    settings.write_text("[pip]\nno-index = true\n")
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.delenv("KT_INDEX", raising=False)
    monkeypatch.delenv("KT_OFFLINE", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # A command that manages packs leaves them out for its whole process; other tests run such in this one.
    monkeypatch.setattr("kt_marketplace.install.path._left_out", False)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("kt_pond", "kt_lake")]:
        del sys.modules[name]  # of another folder's tests
    before = set(sys.modules)
    yield Home(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def package_index(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """Return the one package index that uv knows."""
    index = PackageIndex(tmp_path / "index")
    monkeypatch.delenv("UV_CONFIG_FILE", raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    yield index
    index.close()
