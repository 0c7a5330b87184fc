"""Hold a wheel's RECORD against its files."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kt.errors import DataError

from ..record import rows
from .findings import Finding, listed

if TYPE_CHECKING:
    from .wheel import Wheel

STRONG = ("sha256", "sha384", "sha512")
_UNHASHED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?")


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
