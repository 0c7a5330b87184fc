"""A pack that runs from its own folder: its source root goes on sys.path, and what says its name is written by us."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kt.errors import DataError
from packaging.requirements import InvalidRequirement, Requirement

from ..manifest import FILE, Pack, normal
from .lock import Locked


class Project:
    """What a folder's pyproject.toml says, as far as it can be read without running anything.

    Raises DataError for a project that does not say its name, version or import package.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "pyproject.toml"
        try:
            self.data: Mapping[str, Any] = tomllib.loads(self._file.read_text(encoding="utf-8"))
            self._table: Mapping[str, Any] = self.data["project"]
            self.name = normal(self._table["name"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"can't read the project: {error}", where=str(self._file)) from None

    @property
    def version(self) -> str:
        version = self._table.get("version")
        if not isinstance(version, str):
            raise DataError("the version must stand in [project]", where=str(self._file), hint='version = "0.1.0"')
        return version

    @property
    def summary(self) -> str:
        return " ".join(str(self._table.get("description", "")).split())

    @property
    def requires(self) -> list[Requirement]:
        try:
            return [Requirement(text) for text in self._table.get("dependencies", ())]
        except InvalidRequirement as error:
            raise DataError(f"a dependency: {error}", where=str(self._file)) from None

    @property
    def entry_points(self) -> dict[str, dict[str, str]]:
        """Return the entry points by group; scripts are not among them: those of an editable pack are not installed."""
        return {group: dict(points) for group, points in self._table.get("entry-points", {}).items()}

    @property
    def package(self) -> Path:
        """Return the folder of the import package."""
        settings = self.data.get("tool", {}).get("uv", {}).get("build-backend", {})
        module = settings.get("module-name") or self.name.replace("-", "_")
        for root in (settings.get("module-root"), "", "src"):
            if root is not None and (found := self.folder / root / module).is_dir():
                return found
        raise DataError(f"no import package {module!r} in the folder", where=str(self._file))

    @property
    def manifest(self) -> Pack | None:
        """Return what its kt-pack.toml says. Raises DataError."""
        file = self.package / FILE
        return Pack.parse(file.read_text(encoding="utf-8"), where=str(file)) if file.is_file() else None


def write_info(pack: Locked, site: Path) -> None:
    """Write the .dist-info of a pack that runs from its folder, so that it is found as an installed one is."""
    project = Project(Path(pack.editable))
    info = site / f"{pack.name.replace('-', '_')}-{pack.version}.dist-info"
    info.mkdir()
    head = {"Metadata-Version": "2.4", "Name": pack.name, "Version": pack.version, "Summary": project.summary}
    lines = [*(f"{k}: {v}" for k, v in head.items()), *(f"Requires-Dist: {r}" for r in project.requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in table.items())
        for group, table in project.entry_points.items()
    )
    (info / "entry_points.txt").write_text(points)
    (info / "RECORD").write_text("")
    (info / "INSTALLER").write_text("kt\n")
