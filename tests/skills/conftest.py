"""What the tests of skills share: a repository, a home folder of its own, and a way to write skills."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kt import Plugins

GOOD = "---\nname: {name}\ndescription: {description}\n---\n{body}\n"

Write = Callable[..., Path]

SHIPPED = ["terrarium"]
"""The skills that our own wheels bring, by name."""


def without_ours() -> Plugins:
    """Return the installed plugins without kt-skills, which brings a skill of its own."""
    plugins = Plugins()
    plugins.registry.drop("kt-skills")
    return plugins


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return the root of a repository with the folders a/b in it."""
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    (root / "a" / "b").mkdir(parents=True)
    return root


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's home folder, and keep the settings of whoever runs the tests out."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("KT_HOME", str(tmp_path / "kt"))
    return folder


@pytest.fixture
def write_skill() -> Write:
    """Return a function that writes base/NAME/SKILL.md, from a body or as `text` says, and returns the folder."""

    def write(base: Path, name: str, body: str = "", *, description: str = "does it", text: str = "") -> Path:
        folder = base / name
        folder.mkdir(parents=True, exist_ok=True)
        content = text or GOOD.format(name=name, description=description, body=body or f"How {name} is done.")
        (folder / "SKILL.md").write_text(content, encoding="utf-8")
        return folder

    return write
