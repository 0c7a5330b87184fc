"""Make a wheel of a folder or of a git repository: behind the sandbox's walls, without a network, after a yes."""

import asyncio
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from kt.errors import DataError

from ..errors import Unreachable
from . import uv
from .errors import InstallFailed

if TYPE_CHECKING:
    from kt import ExecResult, Plugins

IGNORED = (".git", ".venv", "venv", "__pycache__", ".*_cache", "node_modules", "dist")
TIMEOUT = 600.0
OUT = "kt-wheel"
CALL = "import importlib, os; b = importlib.import_module({module!r}); {rest}print(b.build_wheel({out!r}))"


def build(folder: Path, into: Path, plugins: "Plugins") -> Path:
    """Return the wheel of a project, in the folder `into`, built from a copy of its folder.

    What its build needs comes as wheels, before; the build itself reaches only the copy. Raises InstallFailed with the
    build's words, DataError for a pyproject.toml that names no backend, ConfigError without walls.
    """
    # Not below $KT_HOME: nothing behind the walls sees that.
    with TemporaryDirectory(prefix="kt-build-") as work:
        wheel = _built(folder, Path(work), plugins)
        return Path(shutil.copyfile(wheel, into / wheel.name))


def _built(folder: Path, work: Path, plugins: "Plugins") -> Path:
    copy = work / "source"
    shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns(*IGNORED))
    (copy / OUT).mkdir()
    backend, requires, paths = _system(copy)
    if backend == "uv_build":
        command = [uv.find(), "build", "--wheel", "--offline", "--no-config", "--python", sys.executable, "-o", OUT]
    else:
        if requires:
            _fetch_backend(requires, work)
        module, _, attribute = backend.partition(":")
        rest = f"b = b.{attribute}; " if attribute else ""
        command = [sys.executable, "-c", CALL.format(module=module, rest=rest, out=OUT)]
    path = os.pathsep.join(map(str, (*(copy / p for p in paths), work / "backend")))
    done = asyncio.run(_walled(command, copy, work, {"PYTHONPATH": path, "UV_CACHE_DIR": "/tmp/uv"}, plugins))
    made = list((copy / OUT).glob("*.whl"))
    if done.code or len(made) != 1:
        raise InstallFailed(f"{folder.name} can't be built: {uv.said(done.output)}", hint="nothing was changed")
    return made[0]


def _fetch_backend(requires: Sequence[str], work: Path) -> None:
    """Install what a build requires from wheels: nothing of it runs."""
    uv.run(
        *("pip", "install", "--target", work / "backend", "--python", sys.executable, "--only-binary", ":all:"),
        *requires,
        cwd=work,
    )


def _system(folder: Path) -> tuple[str, list[str], list[str]]:
    """Return the backend, what it requires and its own folders, as PEP 517 has them."""
    file = folder / "pyproject.toml"
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8")).get("build-system", {})
    except (OSError, ValueError) as error:
        raise DataError(f"can't read the project: {error}", where=str(file)) from None
    backend = str(table.get("build-backend", "setuptools.build_meta:__legacy__"))
    return backend, list(table.get("requires", ["setuptools"])), list(table.get("backend-path", []))


async def _walled(
    command: Sequence[str], folder: Path, work: Path, environment: dict[str, str], plugins: "Plugins"
) -> "ExecResult":
    """Run a command behind the walls of an agent that has no model to speak of, and nothing but its folder."""
    from kt import Agent, Host
    from kt.testing import ScriptedLLM

    (work / "backend").mkdir(exist_ok=True)
    reads = [str(work / "backend"), str(Path(uv.find()).parent), sys.prefix, sys.base_prefix]
    walls = {"sandbox": {"require": "partial", "reads": reads}}
    agent = await Agent.build({"name": "build"}, llm=ScriptedLLM(), pwd=folder, plugins=[walls], host=Host(plugins))
    async with agent.host, agent:
        return await agent.sandbox.exec.run(command, env=environment, timeout=TIMEOUT)


def clone(address: str, work: Path) -> tuple[Path, str]:
    """Return the folder of a git address, checked out, and the address with the commit it is at.

    `address` is "git+URL[@REVISION][#subdirectory=FOLDER]" or "git@HOST:PATH"; nothing of the repository is run.
    Raises Unreachable with git's words.
    """
    plain, _, fragment = address.partition("#")
    url, revision = _revision(plain.removeprefix("git+"))
    target = work / "clone"
    _git("clone", "--quiet", "--no-recurse-submodules", "--", url, str(target), cwd=work)
    if revision:
        _git("checkout", "--quiet", "--detach", revision, cwd=target)
    commit = _git("rev-parse", "HEAD", cwd=target).strip()
    folder = target / fragment.removeprefix("subdirectory=") if fragment.startswith("subdirectory=") else target
    if not folder.resolve().is_relative_to(target.resolve()) or not (folder / "pyproject.toml").is_file():
        raise DataError("no pyproject.toml in this repository", where=address, hint="#subdirectory=FOLDER names one")
    return folder, f"git+{url}@{commit}" + (f"#{fragment}" if fragment else "")


def _revision(url: str) -> tuple[str, str]:
    """Split "URL@REVISION"; an @ before the last / belongs to the address."""
    head, at, tail = url.rpartition("@")
    return (head, tail) if at and "/" in head and "/" not in tail and ":" not in tail else (url, "")


def _git(*words: str, cwd: Path) -> str:
    if uv.offline() and words[0] == "clone" and "://" in words[-2] and not words[-2].startswith("file://"):
        raise Unreachable(f"${uv.OFFLINE} forbids the network", where=words[-2])
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_CONFIG_NOSYSTEM": "1"}
    command = [
        "git",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.symlinks=false",
        *words,
    ]
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise InstallFailed("git is not installed", hint="install git, or fetch the folder yourself") from None
    if done.returncode:
        raise Unreachable(f"git {words[0]} failed: {uv.said(done.stderr)}", where=words[-2])
    return done.stdout
