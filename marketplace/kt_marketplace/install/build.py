"""Make a wheel of a folder: behind the sandbox's walls, without a network, after a yes."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

from kt.errors import DataError

from ..manifest import normal
from . import uv
from .build_system import BuildSystem
from .errors import InstallFailed

if TYPE_CHECKING:
    from kt import ExecResult, Plugins

IGNORED = (".git", ".venv", "venv", "__pycache__", ".*_cache", "node_modules", "dist")
TIMEOUT = 600.0
CALL = "import importlib, os; b = importlib.import_module({module!r}); {rest}print(b.build_wheel({out!r}))"


def build(folder: Path, into: Path, plugins: "Plugins") -> Path:
    """Return the wheel of a project, in the folder `into`, built from a copy of its folder.

    What its build needs comes as wheels, before; the build itself reaches only the copy. Raises InstallFailed with the
    build's words or for another wheel than the project's, DataError for a pyproject.toml or a folder that nothing can
    be built of, ConfigError without walls.
    """
    # Not below $KT_HOME: nothing behind the walls sees that.
    with TemporaryDirectory(prefix="kt-build-") as work:
        copy = _copied(folder, Path(work) / "source")
        out = Path(mkdtemp(dir=copy, prefix="kt-wheel-"))
        system = BuildSystem.of(copy)
        done = asyncio.run(_walled(_command(system, out, Path(work)), copy, Path(work), system, plugins))
        if done.code:
            raise InstallFailed(f"{folder.name} can't be built: {uv.said(done.output)}", hint="nothing was changed")
        return _taken(out, into, system.project)


def _copied(folder: Path, copy: Path) -> Path:
    try:
        return Path(shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns(*IGNORED)))
    except shutil.Error as error:
        file, _, why = error.args[0][0]
        raise DataError(f"can't copy the project: {why}", where=str(file)) from None
    except OSError as error:
        raise DataError(f"can't copy the project: {error.strerror}", where=str(error.filename or folder)) from None


def _command(system: BuildSystem, out: Path, work: Path) -> list[str]:
    """Return the command that builds; what it requires is there afterwards."""
    (work / "backend").mkdir()
    if system.backend == "uv_build":
        return [uv.find(), "build", "--wheel", "--offline", "--no-config", "--python", sys.executable, "-o", out.name]
    if system.requires:
        _fetch_backend(system.requires, work)
    module, _, attribute = system.backend.partition(":")
    rest = f"b = b.{attribute}; " if attribute else ""
    return [sys.executable, "-c", CALL.format(module=module, rest=rest, out=out.name)]


def _fetch_backend(requires: Sequence[str], work: Path) -> None:
    """Install what a build requires from wheels: nothing of it runs."""
    (work / "requires.txt").write_text("".join(f"{requirement}\n" for requirement in requires), encoding="utf-8")
    uv.run(
        *("pip", "install", "--target", work / "backend", "--python", sys.executable, "--no-build"),
        *("-r", "requires.txt"),
        cwd=work,
    )


async def _walled(
    command: Sequence[str], folder: Path, work: Path, system: BuildSystem, plugins: "Plugins"
) -> "ExecResult":
    """Run a command behind the walls of an agent that has no model to speak of, and nothing but its folder."""
    from kt import Agent, Host
    from kt.testing import ScriptedLLM

    path = os.pathsep.join(map(str, (*(folder / p for p in system.paths), work / "backend")))
    reads = [str(work / "backend"), str(Path(uv.find()).parent), sys.prefix, sys.base_prefix]
    walls = {"sandbox": {"require": "partial", "reads": reads}}
    agent = await Agent.build({"name": "build"}, llm=ScriptedLLM(), pwd=folder, plugins=[walls], host=Host(plugins))
    environment = {"PYTHONPATH": path, "UV_CACHE_DIR": str(folder / ".kt-uv")}
    async with agent.host, agent:
        return await agent.sandbox.exec.run(command, env=environment, timeout=TIMEOUT)


def _taken(out: Path, into: Path, name: str) -> Path:
    """Copy the wheel that a build left into a folder; `name` is what it must be called, "" if the project has none.

    A build leaves what it likes, also links to what only we can read: none is followed.
    """
    with ExitStack() as stack:
        try:
            place = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            stack.callback(os.close, place)
            (file,) = [item.name for item in os.scandir(place) if item.name.endswith(".whl")]
            # Of a pipe, to open it would wait for who writes into it.
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
            stack.callback(os.close, handle)
        except (OSError, ValueError):
            raise InstallFailed("the build left no wheel, or more than one", hint="nothing was changed") from None
        if not S_ISREG(os.fstat(handle).st_mode):
            raise InstallFailed("the build left a wheel that is no file", hint="nothing was changed")
        if name and normal(file.partition("-")[0]) != name:
            raise InstallFailed(f"the build of {name} left a wheel called {file}", hint="nothing was changed")
        with os.fdopen(handle, "rb", closefd=False) as wheel, (into / file).open("wb") as kept:
            shutil.copyfileobj(wheel, kept)
    return into / file
