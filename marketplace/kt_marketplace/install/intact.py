"""Whether the packs of an overlay are what was inspected, and nothing else is there."""

import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from ..errors import Tampered
from ..record import record_digest, rows
from .lock import Lock, Locked
from .path import ROOTS


def check(lock: Lock, site: Path) -> None:
    """Raise Tampered unless the file lists in `site` are those that were inspected, and nothing lies beside the files.

    Folders are not looked into, files are not read.
    """
    listed: set[str] = set()
    for pack, text in _lists(lock, site):
        if not _is_that(pack, text):
            raise Tampered(f"{pack.name} {pack.version} is not what was inspected", where=str(site), hint="kt sync")
        listed |= {path.partition("/")[0] for path in _listing(text)}
    more = sorted(item.name for item in site.iterdir() if item.name not in listed and not _passed_over(item.name))
    if more := more or _strange_roots(lock, site):
        raise Tampered(f"{more[0]} is of no pack that was inspected", where=str(site), hint="kt sync")


def damaged(lock: Lock, site: Path) -> list[str]:
    """Return the files that are missing, are not what was inspected, or are of no pack; every file is read."""
    out: list[str] = []
    listed: set[str] = set()
    for pack, text in _lists(lock, site):
        if not _is_that(pack, text):
            out.append(f"the file list of {pack.name}")
        listing = _listing(text)
        listed |= listing.keys()
        out += [path for path, digest in listing.items() if digest and not _is(site / path, digest)]
    return [*out, *sorted(_files(site) - listed), *_strange_roots(lock, site)]


def unlisted(lock: Lock, site: Path) -> list[str]:
    """Return the files that are of no pack."""
    return sorted(_files(site) - {path for _, text in _lists(lock, site) for path in _listing(text)})


def spoilt(lock: Lock, site: Path) -> list[Locked]:
    """Return the packs with a file that is missing or is not what was inspected; every file is read."""
    return [
        pack
        for pack, text in _lists(lock, site)
        if not _is_that(pack, text) or not all(_is(site / p, digest) for p, digest in _listing(text).items() if digest)
    ]


def _lists(lock: Lock, site: Path) -> Iterator[tuple[Locked, str]]:
    """Yield the packs, each with the file list that is in `site`, "" where there is none."""
    found = {
        record.parent.name.partition("-")[0].replace("_", "-").lower(): record
        for record in site.glob("*.dist-info/RECORD")
    }
    for pack in lock.packs.values():
        yield pack, found[pack.name].read_text(encoding="utf-8") if pack.name in found else ""


def _listing(text: str) -> dict[str, str]:
    """Return the hash of each file of a list; without one only the list itself counts, as anybody could add a line."""
    return {path: digest for path, digest, _ in rows(text) if digest or ".dist-info/RECORD" in path}


def _is_that(pack: Locked, text: str) -> bool:
    """Tell whether a file list is the one that was inspected; we write that of a pack that runs from its folder."""
    return bool(text) and (bool(pack.editable) or record_digest(text) == pack.record)


def _files(site: Path) -> set[str]:
    """Return the paths of all files and links below a folder, but for what Python and others keep there."""
    found: set[str] = set()
    for place, folders, names in os.walk(site):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        top = here == site
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {(here / n).relative_to(site).as_posix() for n in [*names, *links] if not (top and _passed_over(n))}
    return found


def _passed_over(name: str) -> bool:
    """Tell whether nothing of that name, beside the packs, can be imported or found: uv's .lock is there."""
    return name.startswith(".") or name == "__pycache__"


def _strange_roots(lock: Lock, site: Path) -> list[str]:
    """Return the source roots on sys.path that lie in the folder of no pack of the lock."""
    folders = [pack.editable for pack in lock.packs.values() if pack.editable]
    try:
        roots = (site.parent / ROOTS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return [f"the file {ROOTS}"]
    return [root for root in roots if not any(Path(root).is_relative_to(folder) for folder in folders)]


def _is(file: Path, said: str) -> bool:
    algorithm, _, digest = said.partition("=")
    try:
        found = hashlib.new(algorithm, file.read_bytes()).digest()
    except (OSError, ValueError):
        return False
    return urlsafe_b64encode(found).rstrip(b"=").decode() == digest
