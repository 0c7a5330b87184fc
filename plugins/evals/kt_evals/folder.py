"""The folder a task works in, laid out fresh. No file that came with the task names a program that is run here."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import ConfigError, DataError, KTError

from . import fixture

if TYPE_CHECKING:
    from .tasks import Task

INERT = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "commit.gpgSign=false"),
    *("-c", "core.excludesFile=/dev/null", "-c", "core.attributesFile=/dev/null"),
    *("-c", "user.name=kt eval", "-c", "user.email=eval@localhost"),
)


def lay_out(task: "Task", place: Path) -> Path:
    """Make the folder of a task below `place`, with its files; return it.

    Raises DataError for files that can't be there, ConfigError where some are to be committed and there is no git.
    """
    folder = place.resolve() / "work"
    folder.mkdir()
    if task.source is not None:
        fixture.copy(task.source, folder)
    _write(folder, task.committed, f"{task.name}: committed")
    if task.committed:
        _git(folder, "init", "--quiet", "--initial-branch=main", "--template=")
        _git(folder, "add", "--all")
        _git(folder, "commit", "--quiet", "--message=Start")
    _write(folder, task.files, f"{task.name}: files")
    return folder


def _write(folder: Path, files: Mapping[str, str], where: str) -> None:
    """Write texts below a folder, links resolved. Raises DataError for a path that leads elsewhere, or to git."""
    for name, text in files.items():
        file = Path(os.path.realpath(folder / name))
        if not file.is_relative_to(folder) or any(map(fixture.is_git, file.relative_to(folder).parts)):
            raise DataError(f"{name!r} leads out of the folder", where=where)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataError(f"{name!r} can't be written: {error.strerror}", where=where) from error


def _git(folder: Path, *words: str) -> None:
    """Run git with no settings but those of this module, on the folder's own repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    environment |= {"GIT_DIR": str(folder / fixture.GIT), "GIT_WORK_TREE": str(folder), "GIT_ATTR_NOSYSTEM": "1"}
    line = ["git", *INERT, *words]
    try:
        subprocess.run(line, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise ConfigError("a task with committed files needs git", hint="install git") from None
    except subprocess.CalledProcessError as error:
        raise KTError(f"git {words[0]} failed: {' '.join(error.stderr.split())}", where=str(folder)) from error
