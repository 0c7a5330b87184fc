"""A pack that runs from its own folder: its source root goes on sys.path, and what says its name is written by us."""

import shutil
import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from kt.errors import ConfigError, DataError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import is_normalized_name
from packaging.version import InvalidVersion, Version

from ..manifest import FILE, Pack, normal
from .lock import Locked
from .path import GONE, ROOTS, SITE


class Project:
    """What a folder's pyproject.toml says, as far as it can be read without running anything.

    Raises DataError, here and in each property, for what is not as it must be; the file is its place.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "pyproject.toml"
        if len(str(folder).splitlines()) != 1:
            raise DataError("a folder with a line break in its name can't be on sys.path", where=repr(str(folder)))
        try:
            self.data: Mapping[str, Any] = tomllib.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"can't read the project: {error}", where=str(self._file)) from None
        name = self._project.get("name")
        if not isinstance(name, str) or not is_normalized_name(normal(name)):
            raise self._wrong("project.name must be the name of a distribution")
        self.name = normal(name)

    @property
    def version(self) -> str:
        version = self._project.get("version")
        if not isinstance(version, str):
            raise self._wrong("the version must stand in [project]", 'version = "0.1.0"')
        try:
            return str(Version(version))
        except InvalidVersion:
            raise self._wrong(f"project.version {version!r} is no version", 'version = "0.1.0"') from None

    @property
    def summary(self) -> str:
        text = self._project.get("description", "")
        if not isinstance(text, str):
            raise self._wrong("project.description must be a text")
        return " ".join(text.split())

    @property
    def requires(self) -> list[Requirement]:
        texts = self._project.get("dependencies", [])
        # What is not printable could be a second line in a file of requirements.
        if not isinstance(texts, list) or not all(isinstance(text, str) and text.isprintable() for text in texts):
            raise self._wrong("project.dependencies must be a list of texts")
        try:
            found = [Requirement(text) for text in texts]
        except InvalidRequirement as error:
            raise self._wrong(f"a dependency: {error}") from None
        if by_address := [requirement.name for requirement in found if requirement.url]:
            raise self._wrong(f"the dependency {by_address[0]} is an address: nobody could look at it")
        return found

    @property
    def entry_points(self) -> dict[str, dict[str, str]]:
        """Return the entry points by group; scripts are not among them: those of an editable pack are not installed."""
        table = self._in(self._project, "entry-points")
        groups = {group: self._in(table, group) for group in table}
        texts = [text for group, points in groups.items() for text in (group, *points, *points.values())]
        if not all(isinstance(text, str) and text.isprintable() for text in texts):
            raise self._wrong("project.entry-points must be tables of texts")
        return {group: dict(points) for group, points in groups.items()}

    @property
    def package(self) -> Path:
        """Return the folder of the import package."""
        settings = self._in(self.data, "tool", "uv", "build-backend")
        module = settings.get("module-name", self.name.replace("-", "_"))
        if not isinstance(module, str) or not module.isidentifier():
            raise self._wrong(f"tool.uv.build-backend.module-name {module!r} is no name of a package")
        first = settings.get("module-root", "")
        if not isinstance(first, str):
            raise self._wrong("tool.uv.build-backend.module-root must be a text")
        for root in (first, "", "src"):
            if (found := self.folder / root / module).is_dir():
                # Its parent is what goes on sys.path.
                for place in (found.parent.resolve(), found.resolve()):
                    if not place.is_relative_to(self.folder.resolve()):
                        raise self._wrong(f"the import package leads out of the folder, to {place}")
                return found
        raise self._wrong(f"no import package {module!r} in the folder")

    @property
    def manifest(self) -> Pack | None:
        """Return what its kt-pack.toml says."""
        file = self.package / FILE
        try:
            return Pack.parse(file.read_text(encoding="utf-8"), where=str(file)) if file.is_file() else None
        except (OSError, UnicodeError, RecursionError) as error:
            raise DataError(f"can't read the manifest: {error}", where=str(file)) from None

    @property
    def _project(self) -> Mapping[str, Any]:
        return self._in(self.data, "project")

    def _in(self, table: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
        """Return the table at a path of keys, empty where there is none."""
        for key in keys:
            table = table.get(key, {})
            if not isinstance(table, dict):
                raise self._wrong(f"{'.'.join(keys)}: {key} must be a table")
        return table

    def _wrong(self, what: str, hint: str = "") -> DataError:
        return DataError(what, where=str(self._file), hint=hint)


class Gone:
    """A pack that runs from a folder that is gone: nothing is known of it but its entry in the lock."""

    manifest: Pack | None = None

    def __init__(self, locked: Locked) -> None:
        self.locked = locked
        self.name, self.version, self.sha256 = locked.name, locked.version, locked.sha256
        self.requires = [Requirement(name) for name in locked.requires]

    @property
    def error(self) -> ConfigError:
        hint = f"kt uninstall {self.name}, or kt install -e NEWPLACE"
        return ConfigError(f"{self.name} runs from {self.locked.editable}, which is gone", hint=hint)


def standing(pack: Locked) -> Project | Gone:
    """Return the project that a pack of the lock runs from. Raises DataError."""
    folder = Path(pack.editable)
    return Project(folder) if folder.is_dir() else Gone(pack)


def gone(packs: Iterable[Locked]) -> list[Gone]:
    """Return those of some packs whose folder is gone."""
    return [Gone(pack) for pack in packs if pack.editable and not Path(pack.editable).is_dir()]


def lay(pack: Locked, fresh: Path, older: Iterable[Path]) -> str:
    """Put what finds a pack that runs from its folder into a fresh overlay; return its source root.

    That of one whose folder is gone is taken from an older overlay, so that it runs when the folder is back. Raises
    ConfigError where none has it.
    """
    info = f"{pack.name.replace('-', '_')}-{pack.version}.dist-info"
    made = standing(pack)
    if isinstance(made, Project):
        _write_info(made, pack, fresh / SITE / info)
        _write_notice(Gone(pack), fresh / GONE / made.package.name)
        return str(made.package.parent)
    for other in older:
        roots = [r for r in _lines(other / ROOTS) if Path(r).is_relative_to(pack.editable)]
        if roots and (other / SITE / info).is_dir():
            shutil.copytree(other / SITE / info, fresh / SITE / info)
            shutil.copytree(other / GONE, fresh / GONE, dirs_exist_ok=True)
            return roots[0]
    raise made.error


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _write_notice(made: Gone, package: Path) -> None:
    """Write what is imported in place of a package when its folder is gone: an error that says so."""
    package.mkdir(parents=True)
    text = f"from kt.errors import ConfigError\n\nraise ConfigError({f'{made.error.what}: {made.error.hint}'!r})\n"
    (package / "__init__.py").write_text(text, encoding="utf-8")


def _write_info(project: Project, pack: Locked, info: Path) -> None:
    """Write the .dist-info of a pack that runs from its folder, so that it is found as an installed one is."""
    head = {"Metadata-Version": "2.4", "Name": pack.name, "Version": pack.version, "Summary": project.summary}
    lines = [*(f"{k}: {v}" for k, v in head.items()), *(f"Requires-Dist: {r}" for r in project.requires)]
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in table.items())
        for group, table in project.entry_points.items()
    )
    files = {"METADATA": "\n".join(lines) + "\n", "entry_points.txt": points, "INSTALLER": "kt\n"}
    info.mkdir()
    record = [f"{info.name}/RECORD,,\n"]
    for name, text in files.items():
        (info / name).write_text(text, encoding="utf-8")
        digest = urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{info.name}/{name},sha256={digest},{len(text.encode())}\n")
    (info / "RECORD").write_text("".join(record), encoding="utf-8")
