"""A wheel, read once into memory and never unpacked."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from kt.errors import DataError, NotFound
from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ..inert import inert
from ..manifest import FILE, Pack, normal
from ..record import record_digest
from .archive import MAX_BYTES, Archive
from .findings import Finding, listed
from .metadata import Metadata, ambiguous, entry_points

MAX_TEXT = 4 << 20
_DATA = re.compile(r"[^/]+\.data/(purelib|platlib)/(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """What a wheel says of itself, and its files.

    `name` is as registries spell it. `package` is the import package that holds the manifest. `record` is the digest
    that its installed copy's RECORD must give too (see record_digest), empty without one. `archive.findings` and
    `findings` are what is wrong with the archive, and with what the wheel says of itself.
    """

    path: Path
    name: str
    version: str
    sha256: str
    size: int
    tags: frozenset[Tag]
    requires: tuple[Requirement, ...]
    requires_python: str
    summary: str
    license: str
    entry_points: dict[str, dict[str, str]]
    files: tuple[str, ...]
    manifest: Pack | None
    package: str
    record: str
    dist_info: str
    archive: Archive = field(repr=False)
    findings: tuple[Finding, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Wheel":
        """Return the wheel at a path. Raises DataError for what is no wheel, NotFound where there is no file."""
        return _read(Path(path))

    def read_bytes(self, name: str) -> bytes:
        """Return a file's bytes. Raises DataError for one that is missing or broken."""
        return self.archive.read(name)

    def read_text(self, name: str) -> str:
        """Return a file's text. Raises DataError for one that is missing, broken, over 4 MiB or no UTF-8."""
        return _text(self.archive, name)


def _read(path: Path) -> Wheel:
    where = inert(path.name)
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise DataError(f"no wheel: {inert(str(error))}", where=where) from None
    data = _contents(path, where)
    archive = Archive.open(data, where=where)
    dist_info, others = _dist_info(archive, name, str(version))
    said = Metadata.parse(archive.read(f"{dist_info}/METADATA", limit=MAX_TEXT), where=where)
    manifest, package, about_manifest = _manifest(archive)
    points, about_points = _entry_points(archive, dist_info)
    record, about_record = _record(archive, dist_info)
    findings = (
        *others, *_identity(path, version, said, dist_info), *about_manifest, *about_points, *about_record,
    )  # fmt: skip
    return Wheel(
        path=path,
        name=name,
        version=str(version),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        tags=frozenset(tags),
        requires=said.requires,
        requires_python=said.requires_python,
        summary=said.summary,
        license=said.license,
        entry_points=points,
        files=archive.names,
        manifest=manifest,
        package=package,
        record=record,
        dist_info=dist_info,
        archive=archive,
        findings=findings,
    )


def _contents(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFound("there is no such wheel", where=inert(str(path))) from None
    except OSError as error:
        raise DataError(f"can't be read: {error.strerror}", where=where) from None
    if len(data) > MAX_BYTES:
        raise DataError(f"a wheel of more than {MAX_BYTES >> 20} MiB is not looked at", where=where)
    return data


def _text(archive: Archive, name: str) -> str:
    try:
        return archive.read(name, limit=MAX_TEXT).decode()
    except UnicodeDecodeError:
        raise DataError(f"{inert(name)} is no UTF-8", where=archive.where) from None


def _dist_info(archive: Archive, name: str, version: str) -> tuple[str, list[Finding]]:
    """Return the folder of the wheel's metadata, and a finding where another distribution's is there, too."""
    tops = dict.fromkeys(_installed(n).partition("/")[0] for n in archive.names)
    folders = [t for t in tops if t.lower().endswith((".dist-info", ".egg-info"))]
    own = [f for f in folders if f"{f}/METADATA" in archive.members and _says(f, name, version)]
    if not own:
        raise DataError("no wheel: it has no .dist-info folder of its name and version", where=archive.where)
    others = [f for f in folders if f != own[0]]
    if not others:
        return own[0], []
    return own[0], [Finding("refuse", "dist-info", f"it brings metadata of other distributions: {listed(others)}")]


def _says(folder: str, name: str, version: str) -> bool:
    stem, _, ending = folder.rpartition(".")
    said, _, number = stem.partition("-")
    return ending == "dist-info" and normal(said) == name and _same(number, version)


def _same(left: str, right: str) -> bool:
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return False


def _installed(name: str) -> str:
    moved = _DATA.fullmatch(name)
    return moved[2] if moved else name


def _identity(path: Path, version: Version, said: Metadata, dist_info: str) -> list[Finding]:
    found = []
    named = path.name.partition("-")[0]
    if normal(said.name) != normal(named):
        found.append(Finding("refuse", "name", f"the file is called {named}, its METADATA says {said.name}"))
    if not _same(said.version, str(version)):
        found.append(Finding("refuse", "version", f"the file says version {version}, its METADATA {said.version}"))
    if said.bad_requires:
        found.append(Finding("refuse", "requires", f"unreadable dependencies: {listed(said.bad_requires)}"))
    return found


def _manifest(archive: Archive) -> tuple[Pack | None, str, list[Finding]]:
    """Return the manifest, the package that holds it, and what is wrong with it."""
    paths = [n for n in archive.names if n.count("/") == 1 and n.lower().endswith(f"/{FILE}")]
    if not paths:
        return None, "", []
    if len(paths) > 1:
        return None, "", [Finding("refuse", "manifest", f"several manifests: {listed(paths)}")]
    try:
        return Pack.parse(_text(archive, paths[0]), where=paths[0]), paths[0].partition("/")[0], []
    except (DataError, RecursionError) as error:
        return None, "", [Finding("refuse", "manifest", f"{paths[0]} can't be read: {error}")]


def _entry_points(archive: Archive, dist_info: str) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    name = f"{dist_info}/entry_points.txt"
    if name not in archive.members:
        return {}, []
    try:
        text = _text(archive, name)
    except DataError as error:
        return {}, [Finding("refuse", "entry-points", f"entry points that can't be read: {error.what}")]
    if ambiguous(text):
        problem = Finding("refuse", "entry-points", "entry_points.txt can be read in more than one way")
        return entry_points(text), [problem]
    return entry_points(text), []


def _record(archive: Archive, dist_info: str) -> tuple[str, list[Finding]]:
    missing = [n for n in ("WHEEL", "RECORD") if f"{dist_info}/{n}" not in archive.members]
    if missing:
        return "", [Finding("refuse", "dist-info", f"{dist_info} has no {listed(missing)}")]
    try:
        return record_digest(_text(archive, f"{dist_info}/RECORD")), []
    except DataError:
        return "", []  # record.check says what is wrong with it
