"""What is checked: an installed pack, a wheel or a folder, each brought to one shape."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from kt.errors import DataError, NotFound

from ..manifest import FILE, Pack, normal


@dataclass(frozen=True, slots=True)
class Subject:
    """A pack: its distribution, its import package, and its manifest where it has one that parses.

    `wheel` and `site`, the folder it is unpacked in, are None for an installed pack.
    """

    distribution: Distribution
    package: Path | None
    wheel: Path | None = None
    site: Path | None = None

    @property
    def name(self) -> str:
        return normal(self.distribution.metadata["Name"])

    @property
    def version(self) -> str:
        return self.distribution.version

    @property
    def module(self) -> str:
        """Return what its import package must be called: references look for it there."""
        return self.name.replace("-", "_")

    @property
    def entries(self) -> dict[str, str]:
        """Return its plugins: entry-point name to module."""
        return {point.name: point.value for point in self.distribution.entry_points if point.group == "kt"}

    @property
    def manifest(self) -> Pack | None:
        """Return its manifest; None without one. Raises DataError for one that does not parse."""
        file = self.package / FILE if self.package else None
        if file is None or not file.is_file():
            return None
        try:
            return Pack.parse(file.read_text(encoding="utf-8"), where=f"{self.module}/{FILE}")
        except UnicodeDecodeError as error:
            raise DataError(f"no UTF-8: {error}", where=f"{self.module}/{FILE}") from error


def installed(name: str) -> Subject:
    """Return an installed pack by its distribution's name, "@" before it or not. Raises NotFound."""
    try:
        found = distribution(name.removeprefix("@"))
    except (PackageNotFoundError, ValueError):
        raise NotFound(f"no pack {name!r} is installed", hint="name a folder, a wheel or an installed pack") from None
    module = normal(found.metadata["Name"]).replace("-", "_")
    spec = find_spec(module) if module.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Subject(found, Path(places[0]) if places else None)


@contextmanager
def unpacked(wheel: Path) -> Iterator[Subject]:
    """Yield the pack of a wheel, unpacked in a folder that is gone afterwards. Raises DataError for no wheel."""
    with tempfile.TemporaryDirectory(prefix="kt-check-") as folder:
        site = Path(folder)
        try:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(site)
        except (zipfile.BadZipFile, OSError) as error:
            raise DataError(f"this is no wheel: {error}", where=str(wheel)) from error
        infos = list(site.glob("*.dist-info"))
        if len(infos) != 1 or not (infos[0] / "METADATA").is_file():
            raise DataError("a wheel has one .dist-info with METADATA", where=str(wheel))
        found = Distribution.at(infos[0])
        package = site / normal(found.metadata["Name"]).replace("-", "_")
        yield Subject(found, package if package.is_dir() else None, wheel, site)
