"""What `kt doctor` says of packs."""

from kt.errors import KTError

from .install.in_use import in_use
from .install.intact import damaged

Row = tuple[bool | None, str, str, str]


def check() -> list[Row]:
    """Return (ok, name, text, fix) rows: every file of every installed pack is read."""
    try:
        installed = in_use()
    except KTError as error:
        return [(False, "packs", str(error), error.hint)]
    if installed is None:
        return [(None, "packs", "none is installed", "kt marketplace search")]
    lock, site = installed
    if bad := damaged(lock, site):
        return [(False, "packs", f"changed after they were inspected: {', '.join(bad[:5])}", "kt sync")]
    return [(True, "packs", ", ".join(f"{p.name} {p.version}" for p in lock.packs.values()), "")]
