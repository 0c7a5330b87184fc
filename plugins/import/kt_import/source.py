"""Files of a source: its configurations with the place of each key, its texts, and what a folder is."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import DataError, NotFound

from .report import Keys, Report
from .section import Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from kt import Registry

ENDINGS = (".yaml", ".yml", ".json", ".toml")
MAX_TEXT = 1 << 20
OUTSIDE = "a link that leads out of the source"


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration of the source. `locate` maps a path of keys to (line, column), both from 1."""

    data: dict[str, Any]
    path: Path
    locate: "Callable[[Keys], tuple[int, int]]"

    def where(self, keys: Keys) -> str:
        line, column = self.locate(keys)
        return f"{self.path}:{line}:{column}"

    def section(self, report: Report) -> Section:
        return Section(self.data, self.where, report)


def find(folder: Path, *stems: str) -> Path | None:
    """Return the configuration of one of these names in a folder."""
    files = (folder / (stem + ending) for stem in stems for ending in ENDINGS)
    return next((file for file in files if file.is_file()), None)


def load(path: Path, registry: "Registry", report: Report) -> Document:
    """Return a configuration. Raises DataError with file:line:col for one that does not parse, and NotFound."""
    _within(path, report)
    report.reads(path)
    if path.suffix == ".json":
        return _json(path, registry, report)
    found = registry.get("config", "document", where="kt import")(path, registry)
    return Document(found.data, path, found.locate)


def _within(path: Path, report: Report) -> None:
    if report.leads_out(path):
        raise DataError(OUTSIDE, where=str(path), hint="put a copy there, or name the file itself")


def _json(path: Path, registry: "Registry", report: Report) -> Document:
    """Return a JSON file; JSON is YAML but for tabs, so YAML's reader says where its keys stand."""
    text = read_text(path, report)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"broken JSON: {error.msg}", where=f"{path}:{error.lineno}:{error.colno}") from None
    except RecursionError:
        raise DataError("broken JSON: too deep", where=f"{path}:1:1") from None
    if not isinstance(data, dict):
        raise DataError("the file must hold a mapping", where=f"{path}:1:1")
    _, locate = registry.get("format", "yaml", where="kt import")(text.replace("\t", " "), path)
    return Document(data, path, locate)


def read_text(path: Path, report: Report) -> str:
    """Return a text of the source. Raises NotFound, and DataError for what is no text, too large or outside."""
    _within(path, report)
    try:
        if path.stat().st_size > MAX_TEXT:
            raise DataError("the file is too large for a configuration or a prompt", where=str(path))
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"no such file: {path}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 at byte {error.start}", where=str(path)) from None
    except OSError as error:
        raise DataError(f"can't read it: {error.strerror}", where=str(path)) from error
