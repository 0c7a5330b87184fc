"""Which distribution a file or a module belongs to, found without importing anything."""

import sys
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .manifest import FILE, Pack, normal
from .official import names as official
from .record import record_digest, rows

if TYPE_CHECKING:
    from kt import Plugins

PACKAGES = {"kterrarium": "kt_cli", "kt-core": "kt"}
"""The import packages of ours that are not called like their distribution."""


class Owners:
    """Tell distributions by what they own, for one `Plugins`."""

    def __init__(self, plugins: "Plugins") -> None:
        self.plugins = plugins
        self._known: dict[Path, str | None] = {}

    @cached_property
    def packages(self) -> dict[str, set[str]]:
        """Return the top-level modules that each distribution names in its entry points."""
        out: dict[str, set[str]] = {}
        for point, _ in self.plugins.modules.values():
            out.setdefault(point.dist, set()).add(point.value.partition(":")[0].partition(".")[0].strip())
        return out

    def is_official(self, dist: str) -> bool:
        """Tell whether a distribution is one of ours: by its name, and by registering nothing but its own package."""
        own = {PACKAGES.get(dist, dist.replace("-", "_"))}
        return dist in official() and self.packages.get(dist, own) <= own

    def folder(self, dist: str) -> Path | None:
        """Return the folder of a distribution's import package, or the file of its one module."""
        for name in sorted(self.packages.get(dist, {dist.replace("-", "_")})):
            spec = find_spec(name) if name.isidentifier() else None
            places = [*((spec.submodule_search_locations or ()) if spec else ()), spec.origin if spec else None]
            if place := next((place for place in places if place), None):
                return Path(place).resolve()
        return None

    def manifest(self, dist: str) -> Pack | None:
        """Return what a distribution's kt-pack.toml says; None where it has none. Raises DataError."""
        folder = self.folder(dist)
        if folder is None or not (folder / FILE).is_file():
            return None
        return Pack.parse((folder / FILE).read_text(encoding="utf-8"), where=str(folder / FILE))

    def of_module(self, name: str) -> str | None:
        """Return the distribution of a module by its dotted name; None for what none has brought."""
        top = name.partition(".")[0]
        loaded = sys.modules.get(top)
        spec = getattr(loaded, "__spec__", None) or (find_spec(top) if top.isidentifier() else None)
        places = [*(spec.submodule_search_locations or ()), spec.origin] if spec else []
        found = (self.of_path(Path(place)) for place in places if place and Path(place).exists())
        return next((dist for dist in found if dist), None)

    def of_path(self, path: Path) -> str | None:
        """Return the distribution of a file or folder; None for one that is the user's own."""
        path = path.resolve()
        for place in (path, *path.parents):
            if place not in self._known:
                self._known[place] = self._owner(place)
            if (dist := self._known[place]) is not None:
                return dist
        return None

    def _owner(self, place: Path) -> str | None:
        """Return the distribution whose package or module this very path is."""
        for dist in self.packages:
            if self.folder(dist) == place:
                return dist
        if str(place.parent) not in sys.path:
            return None
        for record in place.parent.glob("*.dist-info/RECORD"):
            listed = {row[0].partition("/")[0] for row in rows(record.read_text(encoding="utf-8", errors="replace"))}
            if place.name in listed:
                return normal(record.parent.name.partition("-")[0])
        return None

    def digest(self, dist: str) -> str:
        """Return what tells this copy of a distribution from another: its version and the digest of its file list."""
        version = next((p.version for p, _ in self.plugins.modules.values() if p.dist == dist), "")
        for folder in dict.fromkeys(sys.path):
            for info in Path(folder or ".").glob(f"{dist.replace('-', '_')}-*.dist-info/RECORD"):
                return f"{version} {record_digest(info.read_text(encoding='utf-8', errors='replace'))}"
        return version
