"""Where the installed packs are: this runs at every start of a process that uses `kt`, so it imports next to nothing.

`kt.lock` is the only truth about what is installed. The packs of a lock are built once, in a folder named after its
digest and this Python; to switch is to replace the file.
"""

import sys
from hashlib import sha256
from pathlib import Path

from ..home import home

LOCK, PACKS = "kt.lock", "packs"
SITE, ROOTS, GONE = "site", "roots", "gone"


def lock_file() -> Path:
    return home() / LOCK


def packs_folder() -> Path:
    return home() / PACKS


def overlay(lock: bytes) -> Path:
    """Return the folder for the packs of a lock, whether it is built or not."""
    return packs_folder() / f"{sys.implementation.cache_tag}-{sha256(lock).hexdigest()[:20]}"


def folders() -> list[str]:
    """Return what belongs on sys.path, behind everything that is there: the packs, and the source roots of editable
    ones; where one is gone, what says so when it is imported. Empty where nothing is installed, or not for this
    Python."""
    try:
        built = overlay(lock_file().read_bytes())
        roots = (built / ROOTS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    there = [root for root in roots if Path(root).is_dir()]
    return [str(built / SITE), *there, *([str(built / GONE)] if there != roots else [])]


_left_out = False


def leave_out() -> None:
    """Keep the packs off sys.path in this process: what manages them must work whatever is in them."""
    global _left_out
    _left_out = True


def on_path() -> list[str]:
    """Return what `folders` does, or nothing where the packs are left out; the target of the group `kt.path`."""
    return [] if _left_out else folders()
