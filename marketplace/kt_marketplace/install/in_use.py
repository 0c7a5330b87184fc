"""What is installed now, with a glance at whether it is what was inspected. It runs at every start of `kt run`."""

from pathlib import Path

from ..manifest import normal
from .errors import NotBuilt
from .intact import check
from .lock import Lock
from .path import SITE, lock_file, overlay


def in_use() -> tuple[Lock, Path] | None:
    """Return the lock and the folder of its packs; None where nothing is installed.

    Raises NotBuilt where they are not built for this Python, ConfigError where one runs from a folder that is gone,
    Tampered where a file list was changed.
    """
    lock = Lock.current()
    if not lock.packs:
        return None
    built = overlay(lock_file().read_bytes())
    if not built.is_dir():
        raise NotBuilt("the packs of kt.lock are not built for this Python", where=str(lock_file()), hint="kt sync")
    if any(pack.editable for pack in lock.packs.values()):
        from .editable import gone

        if lost := gone(lock.packs.values()):
            raise lost[0].error
    check(lock, built / SITE)
    return lock, built / SITE


def explain(name: str) -> None:
    """Raise what `in_use` raises where the lock has a pack; return where it has none of that name, or all is well."""
    if normal(name) in Lock.current().packs:
        in_use()
