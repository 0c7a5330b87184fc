"""RECORD: the list of a wheel's files and their hashes."""

import base64
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kt.errors import DataError

from .findings import Finding, listed

if TYPE_CHECKING:
    from .wheel import Wheel

STRONG = ("sha256", "sha384", "sha512")
_LEFT_OUT = re.compile(
    r"[^/]+\.dist-info/(RECORD|RECORD\.jws|RECORD\.p7s|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json)"
)
_MOVED = re.compile(r"[^/]+\.data/(purelib|platlib)/(.+)")
_OUTSIDE = re.compile(r"\.\./|/|[^/]+\.data/|(bin|Scripts)/[^/]+$")
_UNHASHED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?")


def rows(text: str) -> list[tuple[str, str, str]]:
    """Return (path, hash, size) of each line of a RECORD. Raises DataError for what is none."""
    try:
        found = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise DataError(f"broken RECORD: {error}", where="RECORD") from None
    if any(len(row) != 3 for row in found):
        raise DataError("broken RECORD: a line has not three fields", where="RECORD")
    return [(path, digest, size) for path, digest, size in found]


def record_digest(record_text: str) -> str:
    """Return the sha256 of what a RECORD says of files: the same for a wheel and for its installed copy.

    An installer's own files, programs and what lies outside site-packages are left out: installers write them anew.
    Raises DataError for what is no RECORD.
    """
    lines = []
    for path, digest, _ in rows(record_text):
        if moved := _MOVED.fullmatch(path):
            path = moved[2]
        if digest and not _LEFT_OUT.fullmatch(path) and not _OUTSIDE.match(path):
            lines.append(f"{path},{digest}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def check(wheel: "Wheel") -> Iterator[Finding]:
    """Yield where a wheel's RECORD and its files differ."""
    try:
        listing = rows(wheel.read_text(f"{wheel.dist_info}/RECORD"))
    except DataError as error:
        yield Finding("refuse", "record", f"RECORD can't be read: {error.what}")
        return
    paths = [path for path, _, _ in listing]
    if twice := [path for path, times in Counter(paths).items() if times > 1]:
        yield Finding("refuse", "record", f"RECORD lists twice: {listed(twice)}")
    files = set(wheel.files)
    if absent := [p for p in paths if p not in files]:
        yield Finding("refuse", "record", f"RECORD lists files that are not in the wheel: {listed(absent)}")
    if unlisted := sorted(n for n in files - set(paths) if not _UNHASHED.fullmatch(n)):
        yield Finding("refuse", "record", f"RECORD does not list: {listed(unlisted)}")
    yield from _contents(wheel, [row for row in listing if row[0] in files])


def _contents(wheel: "Wheel", listing: list[tuple[str, str, str]]) -> Iterator[Finding]:
    weak, wrong, broken = [], [], []
    for path, digest, size in listing:
        if _UNHASHED.fullmatch(path):
            continue
        algorithm, _, expected = digest.partition("=")
        if algorithm not in STRONG:
            weak.append(f"{path} ({algorithm or 'no hash'})")
            continue
        try:
            data = wheel.read_bytes(path)
        except DataError:
            broken.append(path)
            continue
        actual = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
        if actual != expected.rstrip("=") or (size and size != str(len(data))):
            wrong.append(path)
    if weak:
        yield Finding("refuse", "record", f"RECORD has weak hashes or none: {listed(weak)}")
    if wrong:
        yield Finding("refuse", "record", f"RECORD has another hash or size than the file: {listed(wrong)}")
    if broken:
        yield Finding("refuse", "zip", f"broken in the archive: {listed(broken)}")
