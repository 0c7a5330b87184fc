"""The wheels that a lock pins and that are not stored here: where they are, and how they come."""

from collections.abc import Mapping
from pathlib import Path

from kt.errors import NotFound

from . import store
from .lock import Lock, Locked, digest


def addresses(lock: Lock, wheels: Path | None) -> dict[str, str]:
    """Return where the wheels that are not stored can be had, by name. Raises NotFound for one without an address."""
    out = {}
    for name, pack in lock.packs.items():
        if pack.editable or store.holds(pack):
            continue
        beside = _beside(pack, wheels) if wheels else None
        out[name] = beside.absolute().as_uri() if beside else pack.url
        if not out[name]:
            raise NotFound(f"{name} came from {_origin(pack)}", hint="give its wheel: kt sync --wheels FOLDER")
    return out


def _origin(pack: Locked) -> str:
    """Return where a wheel without an address came from: what is built anew would be other bytes."""
    return "a wheel file" if pack.source == "file" else f"{pack.source}, and what is built anew may be other bytes"


def _beside(pack: Locked, wheels: Path) -> Path | None:
    """Return the wheel of a pack, anywhere below a folder; of several the one with its bytes."""
    files = [file for file in sorted(wheels.rglob("*.whl")) if file.name == pack.file and file.is_file()]
    return next((file for file in files if digest(file) == pack.sha256), files[0] if files else None)


def bring(lock: Lock, addresses: Mapping[str, str], work: Path) -> None:
    """Bring wheels from their addresses into the store."""
    from ..transport import fetch

    for name, url in addresses.items():
        pack = lock.packs[name]
        store.keep(pack, fetch(url, pack.sha256, work / pack.file))
