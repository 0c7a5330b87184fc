"""The installed plugins, and a home of its own for each test."""

from pathlib import Path

import pytest
from kt import Plugins


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that $KT_HOME names."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("KT_HOME", str(folder))
    return folder
