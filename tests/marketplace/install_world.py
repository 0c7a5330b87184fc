"""What the random changes install: wheels that an index has, and wheels that only a file holds."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from kt_marketplace.install.lock import Lock, Locked

from .install_model import Range, Release
from .installing import Home, PackageIndex
from .wheels import make_pack

NAMES = ("kt-pond", "kt-marsh", "kt-frogs", "kt-weeds")

FRESH = """
import json, sys
base = list(sys.path)
import kt
plugins = kt.Plugins()
found = sorted(point.dist for point, module in plugins.modules.values())
print(json.dumps([found, list(plugins.failed), sys.path[: len(base)] == base, sys.path]))
"""


class Shelf:
    """A part of a package index with its own addresses, so that uv remembers nothing of another one."""

    clock = 1_000_000_000

    def __init__(self, index: PackageIndex, part: str) -> None:
        self.folder, self.url = index.folder / part, f"{index.url.removesuffix('simple/')}{part}/"

    def add(self, wheel: Path) -> None:
        (self.folder / "files").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel, self.folder / "files" / wheel.name)
        page = self.folder / "simple" / wheel.name.partition("-")[0].replace("_", "-") / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        digest = sha256(wheel.read_bytes()).hexdigest()
        with page.open("a") as file:
            file.write(f'<a href="{self.url}files/{wheel.name}#sha256={digest}">{wheel.name}</a>\n')
        # uv asks whether the page changed since a second: each of ours has its own.
        Shelf.clock += 10
        os.utime(page, (Shelf.clock, Shelf.clock))


class World:
    """Everything that is published, and the homes of one user. `close` removes it all."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.published: dict[str, list[Release]] = {name: [] for name in NAMES}
        self._work, self._made = TemporaryDirectory(prefix="kt-random-"), 0
        self._path, self._patch = list(sys.path), pytest.MonkeyPatch()
        self._patch.setenv("UV_DEFAULT_INDEX", f"{shelf.url}simple/")

    def close(self) -> None:
        self._patch.undo()
        self._work.cleanup()

    def new_folder(self) -> Path:
        self._made += 1
        folder = Path(self._work.name, str(self._made))
        folder.mkdir()
        return folder

    def new_home(self) -> Home:
        """Return an empty home, the one that counts from now on."""
        folder = self.new_folder()
        self._patch.setenv("KT_HOME", str(folder))
        self._patch.setattr(sys, "path", list(self._path))
        return Home(folder)

    def make(self, name: str, version: int, requires: Sequence[Range], *, net: bool) -> Release:
        """Return a wheel with bytes of its own."""
        folder = self.new_folder()
        own = tuple(r for r in requires if r.name != name)
        files, needs = {f"{name.replace('-', '_')}/build.txt": str(self._made)}, {"net": ["a.org"] * net}
        wheel = make_pack(folder, name, f"{version}.0", files, needs=needs, requires=[str(r) for r in own])
        return Release(name, version, own, net, wheel, sha256(wheel.read_bytes()).hexdigest())

    def publish(self, name: str, requires: Sequence[Range], *, net: bool) -> Release:
        """Add the next version, an even one, to the package index."""
        made = self.make(name, 2 * len(self.published[name]) + 2, requires, net=net)
        self.published[name].append(made)
        self.shelf.add(made.wheel)
        return made


def fresh_look() -> Any:
    """Return what a new process sees: the packs with entry points, those that failed, whether the base is first."""
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def key(pack: Locked) -> str:
    return f"{pack.name} {pack.version} {pack.sha256}"


def installed() -> set[str]:
    return {key(pack) for pack in Lock.current().packs.values()}
