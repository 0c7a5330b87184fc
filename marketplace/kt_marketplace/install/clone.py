"""Fetch a git repository: nothing of it runs, and no other repository is touched."""

import os
import subprocess
from pathlib import Path

from kt.errors import DataError, NotFound

from ..errors import Unreachable
from . import uv
from .errors import InstallFailed

SETTINGS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=false", "protocol.ext.allow=never")
OURS = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_CONFIG_NOSYSTEM": "1"}


def clone(address: str, work: Path) -> tuple[Path, str]:
    """Return the folder of a git address, checked out, and the address with the commit it is at.

    `address` is "git+URL[@REVISION][#subdirectory=FOLDER]" or "git@HOST:PATH"; nothing of the repository is run.
    Raises Unreachable with git's words, NotFound for a revision that is not there, DataError for an address without a
    project.
    """
    plain, _, fragment = address.partition("#")
    url, revision = _revision(plain.removeprefix("git+"))
    if revision.startswith("-"):
        raise DataError(f"{revision!r} is no revision", where=address)
    if uv.offline() and not url.startswith("file://"):
        raise Unreachable(f"${uv.OFFLINE} forbids the network", where=url)
    target = work / "clone"
    _git("clone", "--quiet", "--no-recurse-submodules", "--", url, str(target), cwd=work, where=url)
    if revision:
        _check_out(revision, target, url)
    commit = _git("rev-parse", "HEAD", cwd=target, where=url).strip()
    folder = target / fragment.removeprefix("subdirectory=") if fragment.startswith("subdirectory=") else target
    if not folder.resolve().is_relative_to(target.resolve()) or not (folder / "pyproject.toml").is_file():
        raise DataError("no pyproject.toml in this repository", where=address, hint="#subdirectory=FOLDER names one")
    return folder, f"git+{url}@{commit}" + (f"#{fragment}" if fragment else "")


def _check_out(revision: str, folder: Path, url: str) -> None:
    try:
        _git("checkout", "--quiet", "--detach", revision, cwd=folder, where=url)
    except Unreachable:
        raise NotFound(f"no revision {revision} in {url}") from None


def _revision(url: str) -> tuple[str, str]:
    """Split "URL@REVISION"; an @ before the last / belongs to the address."""
    head, at, tail = url.rpartition("@")
    return (head, tail) if at and "/" in head and "/" not in tail and ":" not in tail else (url, "")


def _git(*words: str, cwd: Path, where: str) -> str:
    # In a hook of git its variables name its user's repository: git would work in that one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | OURS
    command = ["git", *(word for setting in SETTINGS for word in ("-c", setting)), *words]
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise InstallFailed("git is not installed", hint="install git, or fetch the folder yourself") from None
    if done.returncode:
        raise Unreachable(f"git {words[0]} failed: {uv.said(done.stderr)}", where=where)
    return done.stdout
