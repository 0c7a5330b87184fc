"""What tests of imports share: the fixtures' folders, and how an import is made and looked into."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kt import Plugins
from kt_import.command import main
from kt_import.report import Line

DATA = Path(__file__).parent / "data"


@dataclass(slots=True)
class Made:
    """What an import wrote, and its exit code."""

    folder: Path
    code: int

    def yaml(self, path: str) -> Any:
        return yaml.safe_load((self.folder / path).read_text())

    def text(self, path: str) -> str:
        return (self.folder / path).read_text()


Import = Callable[..., Made]


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture
def imported(tmp_path: Path, plugins: Plugins) -> Import:
    """Return what imports a path, of the fixtures or absolute, into a folder called `out`."""

    def run(format: str, path: str | Path, *options: str) -> Made:
        folder = tmp_path / "out"
        return Made(folder, main([format, str(DATA / path), "--to", str(folder), *options], plugins))

    return run


def found(data: Any, to: tuple[str, ...]) -> Iterator[Any]:
    """Yield the values at a path in the output, where an item of a list goes by its name."""
    if not to or (isinstance(data, str) and to in (("model",), ("name",))):
        yield data
    elif isinstance(data, dict) and to[0] in data:
        yield from found(data[to[0]], to[1:])
    elif isinstance(data, list):
        for item in data:
            named = [item.get(key) for key in ("name", "base", "to")] if isinstance(item, dict) else [item]
            if to[0] in named:
                yield from found(item, to[1:])
            elif isinstance(item, dict) and to[0] in item:
                yield from found(item[to[0]], to[1:])


def covers(line: Line, key: str) -> bool:
    """Tell whether a line of the report says what became of a key."""
    return key == line.key or key.startswith(f"{line.key}.")
