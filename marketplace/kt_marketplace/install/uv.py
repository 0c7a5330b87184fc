"""uv does the work: find it, run it away from any project's settings, and say what it said."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from signal import Signals

from kt.errors import ConfigError

from .errors import InstallFailed

OFFLINE = "KT_OFFLINE"


KEPT_OPEN: set[int] = set()
"""Descriptors that uv inherits: it may outlive a `kt` that was killed, and the lock on the packs with it."""


def offline() -> bool:
    """Tell whether $KT_OFFLINE forbids the network."""
    return os.environ.get(OFFLINE, "") not in ("", "0")


def find() -> str:
    """Return the path of uv. Raises ConfigError where it is not installed."""
    import uv

    try:
        return uv.find_uv_bin()
    except FileNotFoundError:
        raise ConfigError("uv is not installed", hint="pip install uv") from None


def run(*words: str | Path, cwd: Path) -> str:
    """Run uv with its user's settings, not with a project's; return its stdout. Raises InstallFailed with its words."""
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "UV_CONFIG_FILE")}
    command = [find(), *map(str, words), *_settings(), *(["--offline"] if offline() else [])]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, pass_fds=tuple(KEPT_OPEN)
    )
    if done.returncode < 0:
        raise InstallFailed(f"uv was ended by {Signals(-done.returncode).name}", hint="nothing was changed")
    if done.returncode:
        raise InstallFailed(f"uv {words[0]} {words[1]} failed: {said(done.stderr)}", hint="nothing was changed")
    return done.stdout


def _settings() -> list[str]:
    """Return the words that name the one file of settings: without them uv obeys those above the folder it works in."""
    if chosen := os.environ.get("UV_CONFIG_FILE"):
        return ["--config-file", str(Path(chosen).absolute())]
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "uv" / "uv.toml"
    for file in (own.absolute(), Path("/etc/uv/uv.toml")):
        if file.is_file():
            return ["--config-file", str(file)]
    return ["--no-config"]


def said(stderr: str, *, most: int = 600) -> str:
    """Return the last words of uv's stderr as one line."""
    lines: Sequence[str] = [line.strip(" ×╰─▶├│╷╵-") for line in stderr.splitlines()]
    return " ".join(line for line in lines if line)[-most:]
