"""What is installed, read from the metadata beside it and never by importing it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import DataError
from packaging.requirements import Requirement

from ..manifest import normal
from .layout import modules, site_files
from .listed import SCRIPTS, Names, What, on_disk, read, text_of
from .metadata import Metadata, entry_points

if TYPE_CHECKING:
    from .wheel import Wheel

_IDENTITY = re.compile(r"^(Name|Version):[ \t]*(\S.*)$", re.M)
_DATA_SCRIPT = re.compile(r"[^/]+\.data/scripts/(.+)")
ENDINGS = (".dist-info", ".egg-info")


@dataclass(frozen=True)
class Installed:
    """The distributions of some folders, each by its name as registries spell it.

    `versions` maps names to versions, `places` to the folders of their metadata; `entry_points`, without those of
    programs, is group -> name -> distribution, and `targets` are the modules that entry points name. `beyond` is what
    wheels have that are to come as well.
    """

    versions: dict[str, str] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    entry_points: dict[str, dict[str, str]] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    targets: frozenset[str] = frozenset()
    beyond: Names = field(default_factory=Names)

    @classmethod
    def of(cls, folders: Iterable[str | Path]) -> "Installed":
        """Return what the `*.dist-info` and `*.egg-info` of folders say; of two copies the first counts.

        Metadata that can't be read is passed over, as Python does, but its folder's name still counts.
        """
        there = tuple(folder for folder in dict.fromkeys(map(Path, folders)) if folder.is_dir())
        versions: dict[str, str] = {}
        places: dict[str, Path] = {}
        for folder in there:
            for file in sorted(item.name for item in folder.iterdir() if item.name.endswith(ENDINGS)):
                name, version = _identity(folder / file)
                if name not in versions:
                    versions[name], places[name] = version, folder / file
        points: dict[str, dict[str, str]] = {}
        targets: set[str] = set()
        for name, item in places.items():
            for group, entries in entry_points(text_of(item / "entry_points.txt")).items():
                targets.update(re.split("[.:]", value)[0].strip() for value in entries.values())
                for point in entries if group not in SCRIPTS else ():
                    points.setdefault(group, {}).setdefault(point, name)
        return cls(versions, places, points, there, frozenset(targets))

    @cached_property
    def listed(self) -> Names:
        """Return what all the distributions have; their lists are read when this is first asked for."""
        return read(self.places)

    @cached_property
    def _on_disk(self) -> set[str]:
        return on_disk(self.folders, self.places.values()) | self.targets

    def owner(self, what: What, name: str) -> str | None:
        """Return which distribution has a file (its path in site-packages), a top-level module or a program."""
        # The lists of many distributions take long to read, and most wheels share no name with what is there.
        here = what == "scripts" or re.split("[/.]", name)[0] in self._on_disk
        found: str | None = self.listed.table(what).get(name) if here else None
        return found or self.beyond.table(what).get(name)

    def shares(self, module: str) -> bool:
        """Tell whether several distributions may have a top-level module."""
        return module in self.listed.namespaces or module in self.beyond.namespaces

    def requires(self, name: str) -> tuple[Requirement, ...]:
        """Return what a distribution depends on; () for one that is not here or can't be read."""
        place = self.places.get(name)
        for file in (place / "METADATA", place / "PKG-INFO", place) if place else ():
            try:
                return Metadata.parse(file.read_bytes(), where=str(file)).requires
            except (OSError, DataError):
                continue
        return ()

    def beside(self, wheels: "Iterable[Wheel]") -> "Installed":
        """Return this with wheels as if they were installed as well; a name that is here already counts as it is.

        So wheels that are to come together can be held against each other: of two that want one name, inspect finds it.
        """
        points = {group: dict(names) for group, names in self.entry_points.items()}
        both = replace(self, versions=dict(self.versions), entry_points=points, beyond=Names())
        for wheel in wheels:
            if wheel.name not in both.versions:
                both.versions[wheel.name] = wheel.version
                paths = list(site_files(wheel.files))
                scripts = [f"bin/{found[1]}" for name in wheel.files if (found := _DATA_SCRIPT.fullmatch(name))]
                programs = [name for group in SCRIPTS for name in wheel.entry_points.get(group, {})]
                both.beyond.add(wheel.name, programs, [*paths, *scripts], modules(paths))
                for group, names in wheel.entry_points.items():
                    for name in names if group not in SCRIPTS else ():
                        points.setdefault(group, {}).setdefault(name, wheel.name)
        return both


def _identity(item: Path) -> tuple[str, str]:
    """Return the name and version of a metadata folder or file: by its own name, as uv does, else by what it says."""
    stem, _, ending = item.name.rpartition(".")
    name, _, version = stem.partition("-")
    if ending == "dist-info" and version:
        return normal(name), version.replace("_", "-")
    for file in (item / "PKG-INFO", item / "METADATA", item):
        said = dict(_IDENTITY.findall(text_of(file).partition("\n\n")[0]))
        if len(said) == 2:
            return normal(said["Name"].strip()), said["Version"].strip()
    return normal(name), version.partition("-py")[0]
