"""The folder a task works in: laid out fresh, and compared with what it was."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import ConfigError, KTError

if TYPE_CHECKING:
    from .tasks import Task

IGNORED = (".git", ".kt", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules")
"""What programs leave behind by themselves: no change of the task's files."""

AUTHOR = ("-c", "user.name=kt eval", "-c", "user.email=eval@localhost", "-c", "core.hooksPath=/dev/null")


def lay_out(task: "Task", place: Path) -> Path:
    """Make the folder of a task below `place`, with its files; return it.

    Raises ConfigError where files are to be committed and there is no git.
    """
    folder = place.resolve() / "work"
    folder.mkdir()
    if task.source is not None:
        shutil.copytree(task.source, folder, symlinks=True, dirs_exist_ok=True)
    _write(folder, task.committed)
    if task.committed:
        _git(folder, "init", "--quiet", "--initial-branch=main")
        _git(folder, "add", "--all")
        _git(folder, *AUTHOR, "commit", "--quiet", "--message=Start")
    _write(folder, task.files)
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the content of each file by its path, of a link where it leads, without what programs leave behind."""
    found: dict[str, bytes] = {}
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in IGNORED]
        for name in (*names, *(each for each in folders if Path(here, each).is_symlink())):
            path = Path(here, name)
            if path.is_symlink():
                found[_name(path, folder)] = b"-> " + os.fsencode(path.readlink())
            elif path.is_file():
                found[_name(path, folder)] = path.read_bytes()
    return found


def changed(before: Mapping[str, bytes], now: Mapping[str, bytes], path: str) -> list[str]:
    """Return the files at or below a path that are new, gone or other than before, sorted; "." is all of them."""
    inside = "" if path in (".", "./") else path.rstrip("/")
    names = {name for name in (*before, *now) if not inside or name == inside or name.startswith(f"{inside}/")}
    return sorted(name for name in names if before.get(name) != now.get(name))


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _git(folder: Path, *words: str) -> None:
    """Run git without the settings of whoever runs the eval."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    environment = {name: value for name, value in environment.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    try:
        subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise ConfigError("a task with committed files needs git", hint="install git") from None
    except subprocess.CalledProcessError as error:
        raise KTError(f"git {words[0]} failed: {' '.join(error.stderr.split())}", where=str(folder)) from error
