"""RECORD, the list of a distribution's files: read, and told in one digest. It runs at every start of `kt run`."""

import csv
import hashlib
import io
import re

from kt.errors import DataError

_LEFT_OUT = re.compile(
    r"[^/]+\.dist-info/(RECORD|RECORD\.jws|RECORD\.p7s|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json)"
)
_MOVED = re.compile(r"[^/]+\.data/(purelib|platlib)/(.+)")
_OUTSIDE = re.compile(r"\.\./|/|[^/]+\.data/|(bin|Scripts)/[^/]+$")


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
