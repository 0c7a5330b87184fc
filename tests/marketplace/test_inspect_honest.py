"""Ordinary wheels are not refused: our own, and those that other people's work stands on."""

import subprocess
from pathlib import Path

import pytest
import uv
from kt_marketplace.inspect import Installed, Wheel, inspect

from .test_inspect_installed import HERE
from .wheels import rebuild

ROOT = Path(__file__).parents[2]
OURS = {"kt-biome": "plugins/biome", "kt-websearch": "plugins/websearch", "kt-builtin-tools": "builtin_tools"}
POPULAR = """
annotated-types anyio attrs certifi click cryptography fastapi filelock h11 httpcore httpx idna jsonschema
markdown-it-py packaging pluggy pydantic pydantic-core pygments pyyaml requests rich ruff starlette tqdm typer
typing-extensions urllib3 uvicorn websockets
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return our own wheels, built as they are published."""
    folder = tmp_path_factory.mktemp("built")
    for place in OURS.values():
        command = [uv.find_uv_bin(), "build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT / place)]
        subprocess.run(command, check=True, capture_output=True)
    return {Wheel.read(path).name: path for path in folder.glob("*.whl")}


@pytest.mark.parametrize("name", OURS)
def test_our_own_are_not_refused(name: str, built: dict[str, Path]) -> None:
    found = inspect(Wheel.read(built[name]), installed=Installed.of(HERE), official=OURS)
    assert not found.refused, found.lines()


def test_our_creatures_stand_on_their_manifest_alone(built: dict[str, Path]) -> None:
    found = inspect(Wheel.read(built["kt-biome"]), installed=Installed.of(HERE), official=())
    assert not found.refused, found.lines()
    assert not found.asks


@pytest.mark.parametrize("name", POPULAR.split())
def test_popular_libraries_are_not_refused(name: str, tmp_path: Path) -> None:
    wheel = Wheel.read(rebuild(_cached(name), tmp_path))
    found = inspect(wheel, installed=Installed(versions={"kt-core": "0.1.0"}), official=OURS)
    assert not found.refused, found.lines()


def _cached(name: str) -> Path:
    """Return the folder where uv has unpacked a wheel."""
    said = subprocess.run([uv.find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
    folder = Path(said.stdout.strip()) / "archive-v0"
    for found in sorted(folder.glob(f"*/{name.replace('-', '_')}-*.dist-info")):
        if len(list(found.parent.glob("*.dist-info"))) == 1:
            return found.parent
    pytest.skip(f"{name} is not in uv's cache")
