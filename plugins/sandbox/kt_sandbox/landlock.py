"""The second best walls: Landlock, seccomp and resource limits, set by a small launcher before the program starts."""

import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from . import cgroup, seccomp
from .launch import Launch
from .plan import Plan
from .settings import Level
from .system import SYSTEM, toolchains

LEAST_ABI = 4
"""The first that holds TCP; 6 adds abstract sockets and signals."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
LAUNCHER = Path(__file__).with_name("launcher.py")
GAPS = (
    "mode, times and attributes of files of yours outside can be changed",
    "a chain of programs that fork and end at once can outlive its call",
    "git's hooks and configuration, .kt and keys that lie in a granted folder are not protected",
    "command lines of your other processes can be read",
    "shared memory (/dev/shm) can be read and written",
    "total disk use is watched, not bounded, and memory is bounded for each process, not in sum",
    "a repository that a program makes itself has hooks and configuration of its own",
)
ROOT_GAPS = ("no bound of processes: this is root, and no control group can be made",)


@cache
def abi() -> int:
    """Return the version of Landlock that this kernel speaks, 0 for none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(444, None, 0, 1)
    return max(0, found)


class Landlock:
    """Start programs that can open only what the plan names; the gaps are what Landlock has no rule for."""

    name = "landlock"
    level: Level = "partial"

    def __init__(self) -> None:
        self.gaps: tuple[str, ...] = GAPS
        if os.geteuid() == 0:
            self.gaps += ("what only root may read below /etc can be read: this is root",)
            self.gaps += ROOT_GAPS if cgroup.writable() is None else ()

    @staticmethod
    def missing() -> str:
        """Return what this machine lacks, "" for nothing."""
        if abi() < LEAST_ABI:
            return f"Landlock {LEAST_ABI} (Linux 6.7)"
        return "" if seccomp.machine() else "a known machine type"

    def launch(self, argv: Sequence[str], plan: Plan) -> Launch:
        """Return how to start `argv`; the caller closes it."""
        tmp = tempfile.TemporaryDirectory(prefix="kt-tmp-", ignore_cleanup_errors=True)
        limits, mib = plan.limits, 1 << 20
        closers: list[Callable[[], None]] = [tmp.cleanup]
        group: cgroup.Group | None = None
        if os.geteuid() == 0 and (parent := cgroup.writable()) is not None:
            group = cgroup.Group(parent, limits.processes)
            closers.insert(0, group.close)
        reads = [*map(Path, SYSTEM), Path("/proc"), *toolchains(), *plan.reads]
        words = {
            "abi": abi(),
            "reads": [str(p) for p in reads if not any(h == p or h.is_relative_to(p) for h in plan.hidden)],
            "writes": [str(p) for p in (*plan.writes, Path(tmp.name), Path("/dev/shm"))],
            "devices": [d for d in DEVICES if Path(d).exists()],
            "group": None if group is None else str(group.procs),
            "seccomp": seccomp.program().hex(),
            "limits": {
                "NPROC": limits.processes + _threads(),
                "AS": limits.memory_mb * mib,
                "FSIZE": limits.file_mb * mib,
                "NOFILE": limits.open_files,
                "CORE": 0,
            },
        }
        env = {**plan.env, "TMPDIR": tmp.name, "HOME": tmp.name}
        python = [sys.executable, "-I", "-S", str(LAUNCHER)]
        return Launch([*python, json.dumps(words), "--", *argv], env, (), tuple(closers), wrapped=True)


def _threads() -> int:
    """Count what runs on this machine: without a user namespace the bound counts all that a user runs."""
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
