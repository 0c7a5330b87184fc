"""A control group a call, where the system lets us make one: root's processes heed no other bound of their number."""

import atexit
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from secrets import token_hex

from .settings import Limits

ROOT = Path("/sys/fs/cgroup")
ROUNDS, PAUSE = 50, 0.002
"""How often, and how many seconds apart, to look for what is still ending."""
_empty: list[Path] = []
"""Groups without processes that could not be removed yet."""


@cache
def writable() -> Path | None:
    """Return the folder in which a group that bounds processes can be made, else None."""
    v1, v2 = ROOT / "pids", ROOT
    for version, parent in (("v1", v1), ("v2", v2)):
        if version == "v2" and "pids" not in _read(parent / "cgroup.subtree_control").split():
            continue
        trial = parent / f"kt-{os.getpid()}-{token_hex(4)}"
        try:
            trial.mkdir()
        except OSError:
            continue
        there = (trial / "pids.max").exists()
        with suppress(OSError):
            trial.rmdir()
        if there:
            _clean(parent)
            return parent
    return None


def _clean(parent: Path) -> None:
    """Remove the groups of processes of ours that are no more."""
    for folder in parent.glob("kt-*"):
        owner = folder.name.split("-")[1]
        if not Path("/proc", owner).exists():
            _removed(folder)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _remove_empty() -> None:
    _empty[:] = [folder for folder in _empty if not _removed(folder)]


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


class Group:
    """One group with a bound of its processes."""

    def __init__(self, parent: Path, processes: int) -> None:
        self.folder = parent / f"kt-{os.getpid()}-{token_hex(4)}"
        _remove_empty()
        self.folder.mkdir()
        self.procs = self.folder / "cgroup.procs"
        (self.folder / "pids.max").write_text(str(processes))

    def enter(self, limits: Limits) -> list[str]:
        """Return the words of a program that bounds itself, joins the group, and runs the rest of its words."""
        # In the units of sh: KiB of memory, blocks of 512 bytes of a file.
        most = {"c": 0, "n": limits.open_files, "v": limits.memory_mb << 10, "f": limits.file_mb << 11}
        bounds = "; ".join(f"ulimit -{name} {value}" for name, value in most.items())
        return ["/bin/sh", "-c", f'{bounds}; echo $$ > "$0" && exec "$@"', str(self.procs)]

    def close(self) -> None:
        """Kill what is left in the group, which can't grow meanwhile, and remove it."""
        with suppress(OSError):
            (self.folder / "pids.max").write_text("0")
        for _ in range(ROUNDS):
            left = _read(self.procs).split()
            for pid in left:
                with suppress(OSError):
                    os.kill(int(pid), 9)
            if _removed(self.folder):
                return
            if not left:
                if not _empty:
                    atexit.register(_remove_empty)
                _empty.append(self.folder)  # what has just ended still counts for a moment
                return
            time.sleep(PAUSE)
