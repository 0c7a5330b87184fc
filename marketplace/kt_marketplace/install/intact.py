"""Whether the packs of an overlay are what was inspected."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from ..errors import Tampered
from ..record import record_digest, rows
from .lock import Lock, Locked


def check(lock: Lock, site: Path) -> None:
    """Raise Tampered unless the file lists in `site` are those that were inspected; the files are not read."""
    for pack, record in _records(lock, site):
        if record is None or record_digest(record.read_text(encoding="utf-8")) != pack.record:
            raise Tampered(f"{pack.name} {pack.version} is not what was inspected", where=str(site), hint="kt sync")


def damaged(lock: Lock, site: Path) -> list[str]:
    """Return the files of packs that are missing or not what was inspected; every file is read."""
    out = []
    for pack, record in _records(lock, site):
        text = record.read_text(encoding="utf-8") if record else ""
        if record is None or record_digest(text) != pack.record:
            out.append(f"the file list of {pack.name}")
        out += [path for path, digest, _ in rows(text) if digest and not _is(site / path, digest)]
    return out


def _records(lock: Lock, site: Path) -> Iterator[tuple[Locked, Path | None]]:
    """Yield the packs of wheels, each with the file list that is in `site`."""
    found = {
        record.parent.name.partition("-")[0].replace("_", "-").lower(): record
        for record in site.glob("*.dist-info/RECORD")
    }
    for pack in lock.packs.values():
        if not pack.editable:
            yield pack, found.get(pack.name)


def _is(file: Path, said: str) -> bool:
    algorithm, _, digest = said.partition("=")
    try:
        found = hashlib.new(algorithm, file.read_bytes()).digest()
    except (OSError, ValueError):
        return False
    return urlsafe_b64encode(found).rstrip(b"=").decode() == digest
