"""What a pyproject.toml says of its build (PEP 517, 518), held to what it may be."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kt.errors import DataError
from packaging.requirements import InvalidRequirement, Requirement

from ..manifest import normal

FILE = "pyproject.toml"
_BACKEND = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")


@dataclass(frozen=True, slots=True)
class BuildSystem:
    """A build: its backend, the requirements of it, its own folders in the project, and the project's name if known."""

    backend: str
    requires: tuple[str, ...]
    paths: tuple[str, ...]
    project: str

    @classmethod
    def of(cls, folder: Path) -> "BuildSystem":
        """Return the build of a project. Raises DataError for one that is not as the PEPs have it."""
        file = folder / FILE
        try:
            data: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"can't read the project: {error}", where=FILE) from None
        table = data.get("build-system", {})
        if not isinstance(table, dict):
            raise _wrong("[build-system] must be a table")
        backend = table.get("build-backend", "setuptools.build_meta:__legacy__")
        if not isinstance(backend, str) or not _BACKEND.fullmatch(backend):
            raise _wrong("build-system.build-backend must name a module")
        requires = tuple(str(_requirement(text)) for text in _texts(table, "requires", ["setuptools"]))
        paths = _texts(table, "backend-path", [])
        if outside := [p for p in paths if not (folder / p).resolve().is_relative_to(folder.resolve())]:
            raise _wrong(f"build-system.backend-path leads out of the project: {outside[0]!r}")
        project = data.get("project")
        name = project.get("name") if isinstance(project, dict) else None
        return cls(backend, requires, tuple(paths), normal(name) if isinstance(name, str) else "")


def _texts(table: dict[str, Any], key: str, default: list[str]) -> list[str]:
    value = table.get(key, default)
    if not isinstance(value, list) or not all(isinstance(text, str) and text.isprintable() for text in value):
        raise _wrong(f"build-system.{key} must be a list of texts")
    return value


def _requirement(text: str) -> Requirement:
    """Return what one text requires: a name and a range. An option of uv, a path or an address is none."""
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise _wrong(f"build-system.requires: {text!r}: {str(error).splitlines()[0]}") from None
    if found.url:
        raise _wrong(f"build-system.requires: {text!r} is an address, and a build gets what a package index has")
    return found


def _wrong(what: str) -> DataError:
    return DataError(what, where=FILE)
