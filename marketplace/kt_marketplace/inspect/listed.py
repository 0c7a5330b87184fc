"""What the distributions of some folders have, read from the lists beside them and never by importing anything."""

import ast
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from kt.errors import DataError

from ..record import rows
from .layout import SUFFIXES, modules
from .metadata import entry_points

What: TypeAlias = Literal["files", "modules", "scripts"]
SCRIPTS = ("console_scripts", "gui_scripts")
_PROGRAM = re.compile(r"(?:.*/)?(?:bin|Scripts)/([^/]+)")
_MAPPING = re.compile(r"^MAPPING(?:\s*:[^=]*)?\s*=\s*(\{.*?\})\s*$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Names:
    """What distributions have. `files` maps paths in site-packages, `modules` top-level names, `scripts` programs to
    the distribution that has them; `namespaces` are those of the modules that several may share."""

    files: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)

    def table(self, what: What) -> dict[str, str]:
        """Return one of the tables."""
        return {"files": self.files, "modules": self.modules, "scripts": self.scripts}[what]

    def add(self, dist: str, programs: Iterable[str], paths: Iterable[str], names: Mapping[str, bool]) -> None:
        """Note the programs, paths, and modules (name -> whether it is a namespace) of a distribution; of two that
        have a name the first counts."""
        for name in programs:
            self.scripts.setdefault(name, dist)
        for path in paths:
            if program := _PROGRAM.fullmatch(path):
                self.scripts.setdefault(program[1], dist)
            elif not path.startswith(("../", "/")):
                self.files.setdefault(path, dist)
        for name, namespace in names.items():
            if self.modules.setdefault(name, dist) == dist and namespace:
                self.namespaces.add(name)
            elif not namespace:
                self.namespaces.discard(name)


def read(places: Mapping[str, Path]) -> Names:
    """Return what distributions have, by the folders of their metadata."""
    found = Names()
    for dist, item in places.items():
        points = entry_points(text_of(item / "entry_points.txt"))
        paths = _recorded(item)
        programs = [name for group in SCRIPTS for name in points.get(group, {})]
        found.add(dist, programs, paths, _modules(item.parent, item, paths, points))
    return found


def on_disk(folders: Iterable[Path], places: Iterable[Path]) -> set[str]:
    """Return the names that lie in folders, also without their endings, and in those that lead from there elsewhere.

    What the distributions of these folders have lies at one of these names, or at one that their entry points say.
    """
    found: set[str] = set()
    for folder in folders:
        names = _within(folder)
        found.update(names, (name.partition(".")[0] for name in names))
        links = [name for name in names if name.endswith(".pth") or name.startswith("__editable__")]
        for place in _linked(folder, links):
            found.update(name.partition(".")[0] for name in (place.name, *_within(place)))
    for item in places:
        for place in _origin(item):
            found.update(name.partition(".")[0] for name in (place.name, *_within(place)))
    return found


def _within(folder: Path) -> list[str]:
    """Return the names in a folder, none of one that can't be read."""
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


def _recorded(item: Path) -> list[str]:
    """Return the files of a distribution, relative to site-packages."""
    try:
        return [path for path, _, _ in rows(text_of(item / "RECORD"))]
    except DataError:
        return []


def _modules(folder: Path, item: Path, paths: list[str], points: Mapping[str, Mapping[str, str]]) -> dict[str, bool]:
    """Return the top-level modules of a distribution, and whether each is a namespace package."""
    found = modules(path for path in paths if not path.startswith(("../", "/")))
    for place in _sources(folder, item, paths):
        found |= dict.fromkeys(_importable(place), False)
    if (item / "top_level.txt").is_file() and not found:
        found |= dict.fromkeys(text_of(item / "top_level.txt").split(), False)
    if not any(path.endswith(".py") for path in paths):
        targets = {value.partition(":")[0].partition(".")[0] for names in points.values() for value in names.values()}
        for name in targets:
            found.setdefault(name.strip(), False)
    return found


def _sources(folder: Path, item: Path, paths: list[str]) -> Iterator[Path]:
    """Yield the folders and modules that an editable distribution's files point to."""
    links = [path for path in paths if "/" not in path and path.endswith((".pth", ".py"))]
    yield from _linked(folder, links)
    if not links and not any(path.endswith(".py") for path in paths):
        yield from _origin(item)


def _linked(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield where files of a folder lead: lines of a .pth, and what finds the modules of an editable distribution."""
    for name in names:
        if name.endswith(".pth"):
            lines = (line.strip() for line in text_of(folder / name).splitlines())
            yield from (Path(line) for line in lines if line and not line.startswith(("import ", "import\t", "#")))
        elif name.startswith("__editable__") and (mapping := _MAPPING.search(text_of(folder / name))):
            yield from map(Path, _literal(mapping[1]))


def _literal(text: str) -> list[str]:
    try:
        return [str(value) for value in dict(ast.literal_eval(text)).values()]
    except (ValueError, SyntaxError, TypeError):
        return []


def _origin(item: Path) -> list[Path]:
    """Return the folder that an editable distribution was installed from, and its folder src."""
    try:
        said = json.loads(text_of(item / "direct_url.json"))
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


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
