"""The wheels of installed packs, kept as they were inspected: an overlay can be built again without a network."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from .lock import Lock, Locked, digest
from .path import packs_folder


def wheel_file(pack: Locked) -> Path:
    """Return where the wheel of a locked distribution is kept, be it there or not."""
    return packs_folder() / "wheels" / pack.sha256[:20] / pack.file


def holds(pack: Locked) -> bool:
    """Tell whether the wheel is here, with the bytes that the lock pins."""
    file = wheel_file(pack)
    return file.is_file() and digest(file) == pack.sha256


def keep(pack: Locked, wheel: Path) -> None:
    """Put an inspected wheel into the store."""
    file = wheel_file(pack)
    if holds(pack):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    shutil.copyfile(wheel, fresh)
    fresh.replace(file)


def lay_out(lock: Lock, folder: Path) -> None:
    """Put the stored wheels of a lock side by side into a folder, as uv wants them."""
    folder.mkdir(exist_ok=True)
    for pack in lock.packs.values():
        if pack.sha256 and holds(pack) and not (folder / pack.file).exists():
            os.link(wheel_file(pack), folder / pack.file)


def forget(locks: Iterable[Lock]) -> None:
    """Remove the wheels that none of these locks names."""
    named = {pack.sha256[:20] for lock in locks for pack in lock.packs.values()}
    folder = packs_folder() / "wheels"
    for item in folder.iterdir() if folder.is_dir() else ():
        if item.name not in named:
            shutil.rmtree(item)
