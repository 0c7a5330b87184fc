"""From a pack's folder or wheel to an entry of an index, looked at as everybody's installation will."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kt.errors import DataError, NotFound

from ..check.report import build
from ..check.taken import taken
from ..inspect import Installed, Wheel, inspect
from ..official import names as official
from .folder import about_of, release_of


@dataclass(frozen=True, slots=True)
class Inspected:
    """A wheel that may be published, and what those who install it will be asked."""

    wheel: Wheel
    asks: tuple[str, ...]


def wheels(target: Path, work: Path) -> Iterator[Path]:
    """Yield the wheels of a target: the wheel itself, those in a folder, or the one uv builds of a project in `work`.

    Raises NotFound where there is none, DataError for a project that does not build.
    """
    if target.is_file():
        yield target
    elif (target / "pyproject.toml").is_file():
        place = work / target.resolve().name
        place.mkdir()
        yield build(target, place)
    elif found := sorted(target.glob("*.whl")):
        yield from found
    else:
        raise NotFound(f"no wheel and no pyproject.toml at {target}", hint="name a wheel, or the folder of a pack")


def inspected(file: Path) -> Inspected:
    """Return a wheel that nothing speaks against. Raises DataError for one that every `kt install` would refuse."""
    wheel = Wheel.read(file)
    found = inspect(wheel, installed=Installed.of([]), official=official(), plugin=True)
    refusals = [*(f.text for f in found.findings if f.level == "refuse"), *taken(wheel)]
    if refusals:
        raise DataError(f"nobody could install it: {'; '.join(refusals)}", where=file.name)
    return Inspected(wheel, tuple(f.text for f in found.asks))


def entry_of(wheel: Wheel) -> dict[str, Any]:
    """Return the entry that an index would have of a wheel with a manifest. Raises DataError without one."""
    if wheel.manifest is None:
        raise DataError("it has no kt-pack.toml", where=wheel.path.name)
    versions = {wheel.version: release_of(wheel, wheel.manifest)}
    return {wheel.name: {**about_of(wheel.manifest), "versions": versions}}
