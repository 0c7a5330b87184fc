"""Which distributions a set of packs needs beyond the base: worked out here where nothing is missing, else by uv."""

import re
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kt.errors import NotFound
from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from ..inspect import Installed
from ..manifest import normal
from . import uv
from .base import Known, missing
from .errors import InstallFailed

_UNKNOWN = re.compile(r"Because (\S+) was not found in the (?:package registry|provided package locations) and (you )?")
"""uv's words for what the index does not have: "you" require a root, and a root what it needs."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A distribution that was chosen: its wheel is at `url` (or in the quarantine already), with this digest."""

    name: str
    version: str
    file: str
    url: str
    sha256: str


def settled(roots: Sequence[Requirement], at_hand: Known, base: Installed) -> bool:
    """Tell whether the base and the wheels at hand meet the roots and all that they lead to."""
    return next(missing(roots, at_hand, base), None) is None


def resolve(
    roots: Iterable[Requirement], *, pins: Mapping[str, str], base: Installed, wheels: Path, work: Path, newest: bool
) -> list[Picked]:
    """Return what uv chooses for the roots, without what the base has.

    `wheels` is a folder of wheels at hand, `pins` are versions to keep. The base is constrained to what it is, by its
    names and versions alone: nothing of it can be replaced. Raises InstallFailed, NotFound.
    """
    stubs = work / "base"
    stubs.mkdir(exist_ok=True)
    for name, version in base.versions.items():
        _stub(stubs, name, version)
    (work / "roots.txt").write_text("".join(f"{root}\n" for root in roots))
    held = {**pins, **base.versions}
    (work / "held.txt").write_text("".join(f"{name}=={version}\n" for name, version in held.items()))
    packages = tomllib.loads(_compiled(stubs, wheels, work, newest=newest)).get("packages", [])
    return [_picked(p) for p in packages if normal(p["name"]) not in base.versions]


def _compiled(stubs: Path, wheels: Path, work: Path, *, newest: bool) -> str:
    """Return what uv answers to roots.txt within held.txt. Raises NotFound for a root that the index does not have."""
    try:
        return uv.run(
            *("pip", "compile", "roots.txt", "--format", "pylock.toml", "--generate-hashes", "--no-header"),
            *("--constraints", "held.txt", "--find-links", stubs, "--find-links", wheels, "--no-build"),
            *("--python", sys.executable, *(["--upgrade", "--refresh"] if newest else [])),
            cwd=work,
        )
    except InstallFailed as error:
        if unknown := _UNKNOWN.search(error.what):
            hint = f"kt marketplace search {unknown[1]}"
            if unknown[2]:
                raise NotFound(f"no distribution {unknown[1]} in the package index", hint=hint) from None
            raise InstallFailed(error.what, hint=hint) from None
        raise


def _stub(folder: Path, name: str, version: str) -> None:
    """Write a wheel that says only what it is called, so that uv can reckon with what no index has."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: kt\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def _picked(package: Mapping[str, Any]) -> Picked:
    """Return the best wheel of a package of a pylock.toml (PEP 751) for this Python."""
    name, version = normal(package["name"]), package.get("version", "")
    best = best_of({(w.get("name") or _last(w.get("url") or w.get("path", ""))): w for w in package.get("wheels", ())})
    if best is None:
        raise InstallFailed(f"{name} {version} has no wheel for this Python", hint="ask its authors for one")
    file, wheel = best
    digest = wheel.get("hashes", {}).get("sha256", "")
    if not digest:
        raise InstallFailed(f"the index gives no SHA-256 of {file}", hint="use an index that says what its files hold")
    return Picked(name, version, file, str(wheel.get("url") or Path(wheel["path"]).as_uri()), digest)


def best_of(wheels: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Return (file name, its value) of the wheel that fits this Python best; None where none does."""
    order = {tag: place for place, tag in enumerate(sys_tags())}
    fitting = []
    for file, value in wheels.items():
        places = [order[tag] for tag in parse_wheel_filename(file)[3] if tag in order]
        if places:
            fitting.append((min(places), file, value))
    return min(fitting, key=lambda f: f[:2])[1:] if fitting else None


def _last(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
