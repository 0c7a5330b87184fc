"""A control group a call, where the system lets us make one: root's processes heed no other bound of their number."""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from secrets import token_hex

ROOT = Path("/sys/fs/cgroup")


@cache
def writable() -> tuple[str, Path] | None:
    """Return ("v1" or "v2", parent folder) where a group that bounds processes can be made, else None."""
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
            return version, parent
    return None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


class Group:
    """One group with a bound of its processes; `enter` is a program that joins it and runs the rest of its words."""

    def __init__(self, parent: Path, processes: int) -> None:
        self.folder = parent / f"kt-{os.getpid()}-{token_hex(4)}"
        self.folder.mkdir()
        (self.folder / "pids.max").write_text(str(processes))

    @property
    def enter(self) -> list[str]:
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs")]

    def close(self) -> None:
        """Kill what is left in the group and remove it."""
        for pid in _read(self.folder / "cgroup.procs").split():
            with suppress(OSError):
                os.kill(int(pid), 9)
        with suppress(OSError):
            self.folder.rmdir()
