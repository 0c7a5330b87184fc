"""The document of an index: which packs there are, in which versions, what each needs, and who signed that.

`{"signed": {...}, "signatures": [{"key": ..., "signature": ...}]}`; docs/marketplace.md says what each key means. A
signature is Ed25519 over `strict.canonical(signed)`; a key is named by itself, its 32 bytes in base64.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kt.errors import DataError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ..manifest import Provided, normal
from ..needs import Needs
from . import ed25519, strict
from .errors import BadSignature
from .reader import Table

FORMAT = 1
PACKS, VERSIONS, FILES, ITEMS = 50_000, 2_000, 200, 2_000
WHEEL_SIZE = 200 * 2**20
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class File:
    """A wheel. `url` is relative to the document, or https; "" where the package index has it under this name."""

    name: str
    url: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of a pack. `kt` is its range of kt-core, `yanked` why nobody should take it, "" for a good one."""

    kt: str
    needs: Needs
    provides: tuple[Provided, ...]
    hooks: tuple[str, ...]
    requires: tuple[str, ...]
    released: str
    yanked: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A pack, with its versions by name. `downloads` is None unless somebody counted them."""

    name: str
    description: str
    license: str
    homepage: str
    publisher: str
    keywords: tuple[str, ...]
    versions: Mapping[str, Release]
    downloads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An index as its publisher wrote it; `signed` is what its signatures are of, `signatures` those by key."""

    name: str
    publisher: str
    version: int
    created: datetime
    expires: datetime
    packs: Mapping[str, Entry]
    signed: Mapping[str, Any]
    signatures: Mapping[bytes, bytes]

    @classmethod
    def parse(cls, data: bytes, *, where: str) -> "Document":
        """Return the document of a file. No signature is looked at. Raises DataError naming the place."""
        top = Table(strict.read(data, where=where), f"{where}: document")
        signed = top.mapping("signed", most=20)
        signatures = dict(_signature(item) for item in top.tables("signatures", most=16))
        top.done()
        return cls(**_contents(Table(signed, f"{where}: signed")), signed=signed, signatures=signatures)

    def verify(self, key: bytes) -> None:
        """Hold the document against a key. Raises BadSignature."""
        signature = self.signatures.get(key)
        if signature is None:
            what = "is not signed" if not self.signatures else "is signed by another key"
            raise BadSignature(f"the index {self.name!r} {what}", hint="ask its publisher which key is right")
        if not ed25519.verify(key, strict.canonical(self.signed), signature):
            raise BadSignature(f"the index {self.name!r} was changed after it was signed", hint="don't use it")

    def expired(self, now: datetime | None = None) -> bool:
        return self.expires <= (now or datetime.now(UTC))


def key_of(text: str, *, where: str) -> bytes:
    """Return the 32 bytes of a public key in base64. Raises DataError for what is none."""
    key = _bytes(text, 32, where)
    if not ed25519.is_key(key):
        raise DataError("is no Ed25519 key", where=where)
    return key


def text_of(key: bytes) -> str:
    """Return a key or a signature in base64."""
    return b64encode(key).decode()


def time_of(text: str, *, where: str) -> datetime:
    """Return a time of RFC 3339 in UTC, to the second. Raises DataError."""
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise DataError(f"{text!r} is no time like 2030-01-31T12:00:00Z", where=where)


def _bytes(text: str, size: int, where: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        data = b""
    if len(data) != size or text_of(data) != text:
        raise DataError(f"must be {size} bytes in base64", where=where)
    return data


def _signature(table: Table) -> tuple[bytes, bytes]:
    key = _bytes(table.text("key"), 32, table.at("key"))
    signature = _bytes(table.text("signature"), 64, table.at("signature"))
    table.done()
    return key, signature


def _contents(table: Table) -> dict[str, Any]:
    if (number := table.number("format", least=1)) != FORMAT:
        raise DataError(
            f"format {number} is newer than this kt", where=table.at("format"), hint="pip install -U kterrarium"
        )
    name, publisher = _name(table.text("name"), table.at("name")), _filled(table, "publisher")
    version = table.number("version", least=1)
    times = {key: time_of(table.text(key), where=table.at(key)) for key in ("created", "expires")}
    packs = {
        _name(key, table.at("packs")): _entry(key, Table(value, f"{table.at('packs')}.{key}"), publisher)
        for key, value in table.mapping("packs", most=PACKS).items()
    }
    table.done()
    return {"name": name, "publisher": publisher, "version": version, **times, "packs": packs}


def _entry(name: str, table: Table, publisher: str) -> Entry:
    versions: dict[str, Release] = {}
    seen: set[Version] = set()
    for key, value in table.mapping("versions", most=VERSIONS).items():
        place = f"{table.at('versions')}.{key}"
        seen.add(_version(key, place, seen))
        versions[key] = _release(name, key, Table(value, place))
    homepage = table.text("homepage", "")
    if homepage and not homepage.startswith(("https://", "http://")):
        raise DataError("must be an address of the web", where=table.at("homepage"))
    entry = Entry(
        name=name,
        description=table.text("description"),
        license=table.text("license", ""),
        homepage=homepage,
        publisher=table.text("publisher", publisher),
        keywords=table.texts("keywords", most=100),
        versions=versions,
        downloads=table.number("downloads") if table.has("downloads") else None,
    )
    table.done()
    return entry


def _release(name: str, version: str, table: Table) -> Release:
    provides = tuple(_provided(item) for item in table.tables("provides", most=ITEMS))
    released = table.text("released", "")
    if released:
        time_of(f"{released}T00:00:00Z", where=table.at("released"))
    release = Release(
        kt=_specifier(table.text("kt"), table.at("kt")),
        needs=Needs.parse(table.mapping("needs", most=20), where=table.at("needs")),
        provides=provides,
        hooks=table.texts("hooks", most=ITEMS),
        requires=tuple(_requirement(r, table.at("requires")) for r in table.texts("requires", most=ITEMS)),
        released=released,
        yanked=table.text("yanked", ""),
        files=tuple(_file(item, name, version) for item in table.tables("files", most=FILES)),
    )
    table.done()
    return release


def _provided(table: Table) -> Provided:
    provided = Provided(table.text("kind"), table.text("name"), table.text("description", ""))
    table.done()
    return provided


def _file(table: Table, pack: str, version: str) -> File:
    file = File(table.text("name"), table.text("url", ""), table.text("sha256"), table.number("size", least=1))
    table.done()
    try:
        name, told, _, _ = parse_wheel_filename(file.name)
    except InvalidWheelFilename:
        raise DataError(f"{file.name!r} is no name of a wheel", where=table.at("name")) from None
    if (name, told) != (pack, Version(version)) or set(file.name) & set("/\\"):
        raise DataError(f"{file.name!r} is no wheel of {pack} {version}", where=table.at("name"))
    if not re.fullmatch("[0-9a-f]{64}", file.sha256):
        raise DataError("must be a SHA-256 in hexadecimal", where=table.at("sha256"))
    if file.size > WHEEL_SIZE:
        raise DataError(f"must be at most {WHEEL_SIZE >> 20} MiB", where=table.at("size"))
    if file.url and not _fetchable(file.url):
        raise DataError("must be https, or a path beneath the document", where=table.at("url"))
    return file


def _fetchable(url: str) -> bool:
    """Tell whether a file's address is of the web, or a plain path that leads no way up."""
    if url.startswith("https://"):
        return True
    return re.fullmatch(r"[A-Za-z0-9._+!-]+(/[A-Za-z0-9._+!-]+)*", url) is not None and ".." not in url.split("/")


def _name(text: str, where: str) -> str:
    if not NAME.fullmatch(text) or len(text) > 100 or normal(text) != text:
        raise DataError(f"{text!r} is no name in normal form (a-z, 0-9, single hyphens)", where=where)
    return text


def _filled(table: Table, key: str) -> str:
    if not (value := table.text(key)):
        raise DataError("must not be empty", where=table.at(key))
    return value


def _version(text: str, where: str, others: Collection[Version]) -> Version:
    try:
        version = Version(text)
    except InvalidVersion:
        raise DataError(f"{text!r} is no version", where=where) from None
    if version in others:
        raise DataError(f"the version {text!r} stands there twice", where=where)
    return version


def _specifier(text: str, where: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        raise DataError(f"{text!r} is no range of versions", where=where) from None
    return text


def _requirement(text: str, where: str) -> str:
    try:
        if Requirement(text).url is None:
            return text
    except InvalidRequirement:
        pass
    raise DataError(f"{text!r} is no requirement by name", where=where)
