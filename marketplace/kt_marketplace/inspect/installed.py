"""What is installed, read from the metadata beside it and never by importing it."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kt.errors import DataError
from packaging.requirements import Requirement

from ..manifest import normal
from ..record import rows
from .layout import SUFFIXES, modules, site_files
from .metadata import Metadata, entry_points

if TYPE_CHECKING:
    from .wheel import Wheel

_IDENTITY = re.compile(r"^(Name|Version):[ \t]*(\S.*)$", re.M)
SCRIPTS = ("console_scripts", "gui_scripts")
_PROGRAM = re.compile(r"(?:.*/)?(?:bin|Scripts)/([^/]+)")
_DATA_SCRIPT = re.compile(r"[^/]+\.data/scripts/(.+)")
_MAPPING = re.compile(r"^MAPPING(?:\s*:[^=]*)?\s*=\s*(\{.*?\})\s*$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Installed:
    """The distributions of some folders: each name as registries spell it.

    `versions` maps them to versions, `places` to the folders of their metadata. `files` maps paths in site-packages,
    `modules` top-level names, `scripts` programs to the distribution that has them; `namespaces` are those of the
    modules that several may share. `entry_points` is group -> name -> distribution.
    """

    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)
    entry_points: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, folders: Iterable[str | Path]) -> "Installed":
        """Return what the `*.dist-info` and `*.egg-info` of folders say; of two copies the first counts.

        Metadata that can't be read is passed over, as Python does, but its folder's name still counts.
        """
        found = cls()
        for folder in dict.fromkeys(map(Path, folders)):
            if folder.is_dir():
                for item in sorted(folder.iterdir()):
                    if item.name.endswith((".dist-info", ".egg-info")):
                        _add(found, folder, item)
        return found

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
        both = replace(self, **{f.name: copy(getattr(self, f.name)) for f in fields(self)})
        both.entry_points.update({group: dict(names) for group, names in self.entry_points.items()})
        for wheel in wheels:
            if wheel.name not in both.versions:
                both.versions[wheel.name] = wheel.version
                paths = list(site_files(wheel.files))
                _register(both, wheel.name, wheel.entry_points, [*paths, *_scripts(wheel.files)], modules(paths))
        return both


def _scripts(files: Iterable[str]) -> list[str]:
    """Return where the programs in a .data folder come to lie."""
    return [f"bin/{found[1]}" for name in files if (found := _DATA_SCRIPT.fullmatch(name))]


def _add(found: Installed, folder: Path, item: Path) -> None:
    dist, version = _identity(item)
    if dist in found.versions:
        return
    found.versions[dist], found.places[dist] = version, item
    points = entry_points(_text(item / "entry_points.txt"))
    paths = _recorded(item)
    _register(found, dist, points, paths, _modules(folder, item, paths, points))


def _register(
    found: Installed,
    dist: str,
    points: Mapping[str, Mapping[str, str]],
    paths: Iterable[str],
    names: Mapping[str, bool],
) -> None:
    """Note what a distribution has: its entry points, its files and programs, its modules and namespaces."""
    for group, entries in points.items():
        where = found.scripts if group in SCRIPTS else found.entry_points.setdefault(group, {})
        for name in entries:
            where.setdefault(name, dist)
    for path in paths:
        if program := _PROGRAM.fullmatch(path):
            found.scripts.setdefault(program[1], dist)
        elif not path.startswith(("../", "/")):
            found.files.setdefault(path, dist)
    for name, namespace in names.items():
        if found.modules.setdefault(name, dist) == dist and namespace:
            found.namespaces.add(name)
        elif not namespace:
            found.namespaces.discard(name)


def _identity(item: Path) -> tuple[str, str]:
    """Return the name and version in a metadata folder or file, by its own name where it does not say them."""
    stem, _, _ = item.name.rpartition(".")
    name, _, version = stem.partition("-")
    for file in (item / "METADATA", item / "PKG-INFO", item):
        said = dict(_IDENTITY.findall(_text(file).partition("\n\n")[0]))
        if len(said) == 2:
            return normal(said["Name"].strip()), said["Version"].strip()
    return normal(name), version.partition("-py")[0]


def _recorded(item: Path) -> list[str]:
    """Return the files of a distribution, relative to site-packages."""
    try:
        return [path for path, _, _ in rows(_text(item / "RECORD"))]
    except DataError:
        return []


def _modules(folder: Path, item: Path, paths: list[str], points: Mapping[str, Mapping[str, str]]) -> dict[str, bool]:
    """Return the top-level modules of a distribution, and whether each is a namespace package."""
    found = modules(path for path in paths if not path.startswith(("../", "/")))
    for place in _sources(folder, item, paths):
        found |= dict.fromkeys(_importable(place), False)
    if (item / "top_level.txt").is_file() and not found:
        found |= dict.fromkeys(_text(item / "top_level.txt").split(), False)
    if not any(path.endswith(".py") for path in paths):
        targets = {value.partition(":")[0].partition(".")[0] for names in points.values() for value in names.values()}
        for name in targets:
            found.setdefault(name.strip(), False)
    return found


def _sources(folder: Path, item: Path, paths: list[str]) -> Iterator[Path]:
    """Yield the folders and modules that an editable distribution's files point to."""
    for path in paths:
        if "/" in path or not path.endswith((".pth", ".py")):
            continue
        text = _text(folder / path)
        if path.endswith(".pth"):
            lines = (line.strip() for line in text.splitlines())
            yield from (Path(line) for line in lines if line and not line.startswith(("import ", "import\t", "#")))
        elif path.startswith("__editable__") and (mapping := _MAPPING.search(text)):
            yield from map(Path, _literal(mapping[1]))
    if (item / "direct_url.json").is_file() and not any(p.endswith((".py", ".pth")) for p in paths):
        yield from _origin(_text(item / "direct_url.json"))


def _literal(text: str) -> list[str]:
    try:
        return [str(value) for value in dict(ast.literal_eval(text)).values()]
    except (ValueError, SyntaxError, TypeError):
        return []


def _origin(text: str) -> list[Path]:
    """Return the folder that an editable distribution was installed from, and its folder src."""
    try:
        said = json.loads(text)
        editable, url = said["dir_info"]["editable"], urlsplit(said["url"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    place = Path(unquote(url.path))
    return [place, place / "src"] if editable and url.scheme == "file" else []


def _importable(place: Path) -> Iterator[str]:
    """Yield the modules in a folder of sys.path, or the one that a package's folder or a file is."""
    if place.is_file() or (place / "__init__.py").is_file():
        yield place.name.partition(".")[0]
    elif place.is_dir():
        for child in place.iterdir():
            if (child.is_file() and child.name.endswith(SUFFIXES)) or (child / "__init__.py").is_file():
                yield child.name.partition(".")[0]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
