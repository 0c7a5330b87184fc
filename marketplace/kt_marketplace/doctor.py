"""What `kt doctor` says of packs."""

from kt.errors import KTError

from .install import overlay
from .install.intact import damaged

Row = tuple[bool | None, str, str, str]


def check() -> list[Row]:
    """Return (ok, name, text, fix) rows: every file of every installed pack is read."""
    try:
        in_use = overlay.in_use()
    except KTError as error:
        return [(False, "packs", str(error), error.hint)]
    if in_use is None:
        return [(None, "packs", "none is installed", "kt marketplace search")]
    lock, site = in_use
    if bad := damaged(lock, site):
        return [(False, "packs", f"changed after they were inspected: {', '.join(bad[:5])}", "kt sync")]
    return [(True, "packs", ", ".join(f"{p.name} {p.version}" for p in lock.packs.values()), "")]
