"""kt install and kt uninstall: uv does the work, in the environment that runs kt, around a pinned kernel."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import ConfigError, KTError, UsageError

if TYPE_CHECKING:
    from kt import Plugins

USAGE = """Usage: kt install [--yes] PACK...

Install packs into the environment that runs kt. A PACK is a name (@kt-biome or kt-biome), a requirement
(kt-biome>=1), a wheel, or a folder. A plugin is code with your rights: install what you trust.
"""
KEPT = ("kt-core",)


class InstallFailed(KTError):
    """Say that uv could not install or remove a pack; nothing was changed."""

    code, exit_code = "E-INSTALL", 1


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt install`; return its exit code."""
    yes, packs = _parsed(argv)
    if packs is None:
        print(USAGE, end="")
        return 0
    wanted = [p.removeprefix("@") for p in packs]
    if not yes:
        _confirm(f"Install {', '.join(wanted)}? Plugins run with your rights.")
    versions = {point.dist: point.version for point, _ in plugins.modules.values()} | {"kt-core": _core_version()}
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "kernel.txt"
        constraints.write_text("".join(f"{name}=={versions[name]}\n" for name in KEPT if name in versions))
        _uv("install", "--constraint", str(constraints), *wanted)
    print(f"installed {', '.join(wanted)}; a `uv sync` in a clone would remove it again (uv sync --inexact keeps it)")
    return 0


def uninstall(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt uninstall`; return its exit code."""
    _, packs = _parsed(argv)
    if packs is None:
        print("Usage: kt uninstall PACK...")
        return 0
    wanted = [p.removeprefix("@") for p in packs]
    if kept := [p for p in wanted if _normal(p) in (*KEPT, "kterrarium")]:
        raise UsageError(f"{kept[0]} is kt itself", hint="pip uninstall it, if you mean it")
    _uv("uninstall", *wanted)
    print(f"removed {', '.join(wanted)}")
    return 0


def _normal(requirement: str) -> str:
    """Return the distribution a requirement names, as registries spell it."""
    name = re.match(r"[A-Za-z0-9._-]*", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def _parsed(argv: list[str]) -> tuple[bool, list[str] | None]:
    """Return (--yes, packs); None packs asks for the usage. Raises UsageError."""
    if "--help" in argv or "-h" in argv:
        return False, None
    unknown = [a for a in argv if a.startswith("-") and a not in ("--yes", "-y")]
    packs = [a for a in argv if not a.startswith("-")]
    if unknown or not packs:
        raise UsageError(f"no option {unknown[0]}" if unknown else "name a pack", hint="kt install --help")
    return "--yes" in argv or "-y" in argv, packs


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("installing needs a yes", hint="kt install --yes ...")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InstallFailed("nothing was installed")


def _core_version() -> str:
    from importlib.metadata import version

    return version("kt-core")


def _uv(command: str, *words: str) -> None:
    import uv

    try:
        program = uv.find_uv_bin()
    except FileNotFoundError:
        raise ConfigError("uv is not installed", hint="pip install uv") from None
    done = subprocess.run(
        [program, "pip", command, "--python", sys.executable, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join(line.strip(" ×╰─▶├│╷╵-") for line in done.stderr.splitlines() if line.strip())
        raise InstallFailed(f"uv {command} failed: {said[-600:]}", hint="nothing was changed")
