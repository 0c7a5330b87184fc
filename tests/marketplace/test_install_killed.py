"""`kt install` that is killed, or that can't write: the old state holds or the new one does, and wholly."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kt_marketplace import doctor
from kt_marketplace.install import overlay
from kt_marketplace.install.errors import Busy
from kt_marketplace.install.lock import Lock

from .installing import Home, clean_environment
from .wheels import make_pack

KT = (sys.executable, "-m", "kt_cli.main")
DYING = """
import os, signal, sys

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "subprocess.Popen", "fcntl.flock")
moment, number = sys.argv[1], 0


def mind(event, args):
    global number
    opens = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if (event in CHANGES or opens) and (number or event == "fcntl.flock"):
        number += 1
        if moment == str(number) or event == "os.rename" and str(args[1]).endswith(moment):
            os.kill(os.getpid(), signal.SIGKILL)


sys.dont_write_bytecode = True  # which would be changes that not every run makes
sys.addaudithook(mind)
from kt_cli.main import dispatch

sys.exit(dispatch(sys.argv[2:]))
"""
"""Run `kt`, and kill it before change MOMENT of a file, or before a file with that name is replaced."""

LEAVING_UV = """
import os, pathlib, signal, sys, threading


def leave():
    while True:
        for pid in " ".join(file.read_text() for file in pathlib.Path("/proc/self/task").glob("*/children")).split():
            command = pathlib.Path("/proc", pid, "cmdline").read_bytes()
            if b"--require-hashes" in command and b"dispatch" not in command:  # before it is uv it is a copy of us
                os.kill(int(pid), signal.SIGSTOP)
                os.write(1, pid.encode())
                os.kill(os.getpid(), signal.SIGKILL)


def mind(event, args):
    if event == "subprocess.Popen" and "--require-hashes" in args[1]:
        threading.Thread(target=leave, daemon=True).start()


sys.addaudithook(mind)
from kt_cli.main import dispatch

sys.exit(dispatch(sys.argv[1:]))
"""
"""Run `kt`, and kill it while uv installs wheels; print the id of uv, which is stopped."""

IN_A_FULL_DISK = """
mount -t tmpfs -o size=4m disk "$1" && cp -r "$2/." "$1/" || exit 99
dd if=/dev/zero of="$1/filler" bs=4096 2>/dev/null
full=$(stat -c %s "$1/filler")
dd if=/dev/null of="$1/filler" bs=4096 seek=$((full / 4096 - $3)) 2>/dev/null
out="$4"
shift 4
"$@"
code=$?
rm "$KT_HOME/filler"
cp -r "$KT_HOME/." "$out/"
exit $code
"""
ALONE = ("unshare", "--user", "--map-root-user", "--mount")
MAY_MOUNT = subprocess.run([*ALONE, "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True, check=False)
OLD, NEW = {"kt-lake": "1.0"}, {"kt-lake": "1.0", "kt-pond": "1.0"}


class Scene:
    """A home with kt-lake; kt-pond is to come, and kt-reed is installed afterwards."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch, self.homes = folder, patch, count(1)
        names = ("kt-marsh", "kt-lake", "kt-pond", "kt-reed")
        made = [make_pack(folder, name, files={f"{name.replace('-', '_')}/more.txt": "x" * 9000}) for name in names]
        marsh, lake, self.pond, self.reed = made
        home = self.enter(self.empty())
        home.install(marsh)
        home.uninstall("kt-marsh")
        home.install(lake)
        self.template = home.folder

    def empty(self) -> Path:
        folder = self.folder / f"home{next(self.homes)}"
        folder.mkdir()
        return folder

    def fresh(self) -> Home:
        """Return a new home with kt-lake."""
        return self.enter(Path(shutil.copytree(self.template, self.folder / f"home{next(self.homes)}")))

    def enter(self, folder: Path) -> Home:
        self.patch.setenv("KT_HOME", str(folder))
        return Home(folder)

    def start(self, *command: object, home: Path, **more: Any) -> "subprocess.Popen[str]":
        """Start a command, and `kt install kt-pond --yes` as its arguments."""
        words = [*map(str, command), "install", str(self.pond), "--yes"]
        environment = {**clean_environment(), "UV_NO_INDEX": "1", "KT_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(words, env=environment, stdout=-1, stderr=-1, text=True, **more)

    def run(self, *command: object, home: Path, **more: Any) -> tuple[int, str]:
        """Return the exit code and stderr of a command."""
        with self.start(*command, home=home, **more) as process:
            _, said = process.communicate()
            return process.returncode, said

    def goes_on(self, home: Home) -> None:
        """Make sure that one state holds wholly, the next installation works, and nothing is left of the last one."""
        now = whole(home)
        assert now in (OLD, NEW)
        self.install_when_free(home)
        assert whole(home) == {**now, "kt-reed": "1.0"}
        assert home.leftovers() == []
        assert not list(home.folder.rglob("*.new"))
        home.rollback()
        assert whole(home) == now

    def install_when_free(self, home: Home) -> None:
        """Install kt-reed; a uv that was killed as well holds the lock until the system has ended it."""
        for _ in range(100):
            with suppress(Busy):
                home.install(self.reed)
                return
            time.sleep(0.1)
        home.install(self.reed)


def whole(home: Home) -> dict[str, str]:
    """Return what is installed, and is as it was inspected."""
    rows = doctor.check()
    assert [row[0] for row in rows] == [True], rows
    return home.versions


@pytest.fixture
def scene(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path / "home", monkeypatch)


def test_killed_before_each_change_of_a_file(scene: Scene) -> None:
    ends = []
    for moment in range(1, 100):
        home = scene.fresh()
        code, said = scene.run(sys.executable, "-c", DYING, moment, home=home.folder)
        ends.append(home.versions)
        assert code in (0, -signal.SIGKILL), said
        scene.goes_on(home)
        if code == 0:
            break
    assert len(ends) > 20
    assert ends.index(NEW) > ends.count(OLD) - 1


def killed_at_random_moments(scene: Scene, times: int, seed: int) -> None:
    chance = random.Random(seed)
    began = time.monotonic()
    scene.run(*KT, home=scene.fresh().folder)
    takes = time.monotonic() - began
    for _ in range(times):
        home = scene.fresh()
        with scene.start(*KT, home=home.folder, start_new_session=True) as process:
            time.sleep(chance.uniform(0.2, 1.1) * takes)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        scene.goes_on(home)


def test_killed_at_random_moments(scene: Scene) -> None:
    killed_at_random_moments(scene, 4, 1)


@pytest.mark.slow
def test_killed_at_many_random_moments(scene: Scene) -> None:
    killed_at_random_moments(scene, 200, 2)


def test_killed_between_the_history_and_the_lock(scene: Scene) -> None:
    home = scene.fresh()
    assert scene.run(sys.executable, "-c", DYING, "kt.lock", home=home.folder)[0] == -signal.SIGKILL
    assert whole(home) == OLD
    assert overlay.previous() != Lock.current()
    home.rollback()
    assert home.versions == {}


def test_uv_does_not_outlive_kt(scene: Scene, watch: Any) -> None:
    home = scene.fresh()
    with scene.start(sys.executable, "-c", LEAVING_UV, home=home.folder) as process:
        said, _ = process.communicate()
    uv = int(said)
    try:
        with suppress(Busy):
            home.install(scene.reed)
            assert not watch.lives(uv)
    finally:
        with suppress(ProcessLookupError):
            os.kill(uv, signal.SIGKILL)


def full_disk(scene: Scene, pages: int) -> tuple[int, str, Home]:
    """Install where so many pages are free; return the exit code, stderr, and what is there then."""
    disk, out = scene.empty(), scene.empty()
    words = (*ALONE, "sh", "-c", IN_A_FULL_DISK, "sh", disk, scene.template, pages, out)
    code, said = scene.run(*words, *KT, home=disk)
    return code, said, scene.enter(out)


@pytest.mark.skipif(MAY_MOUNT.returncode != 0, reason="nobody may mount here")
def test_a_full_disk_leaves_the_old_state_and_is_named(scene: Scene) -> None:
    codes = []
    for pages in (0, 1, 2, 4, 8, 14, 18, 100):
        code, said, home = full_disk(scene, pages)
        codes.append(code)
        assert code in (0, 1, 74), (pages, said)
        assert code == 0 or "No space left on device" in said
        assert home.versions == (NEW if code == 0 else OLD)
        assert home.leftovers() == []
        scene.goes_on(home)
    assert codes[0] == 74
    assert 1 in codes
    assert codes[-1] == 0


@pytest.mark.skipif(MAY_MOUNT.returncode != 0, reason="nobody may mount here")
def test_a_full_disk_is_not_the_wheel_that_is_read_nor_standard_output(scene: Scene) -> None:
    said = "".join(full_disk(scene, pages)[1] for pages in range(3))
    assert f"can't write {scene.pond}" not in said
    assert "can't write standard output" not in said


@pytest.mark.parametrize("size", [0, 2000])
def test_files_that_may_not_grow_leave_the_old_state(scene: Scene, size: int) -> None:
    home = scene.fresh()
    code, _ = scene.run(*KT, home=home.folder, preexec_fn=partial(limit, size))
    assert code != 0
    assert home.versions == OLD
    assert home.leftovers() == []
    scene.goes_on(home)


@pytest.mark.parametrize("size", [0, 2000])
def test_files_that_may_not_grow_are_named(scene: Scene, size: int) -> None:
    code, said = scene.run(*KT, home=scene.fresh().folder, preexec_fn=partial(limit, size))
    assert code in (1, 74)
    assert "E-BUG" not in said
    assert "failed:." not in said


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.skipif(MAY_MOUNT.returncode != 0, reason="nobody may mount here")
def test_a_file_system_to_read_is_named(scene: Scene) -> None:
    home = scene.fresh()
    words = ("sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && "$@"', home.folder)
    code, said = scene.run(*ALONE, *words, *KT, home=home.folder)
    assert code == 74
    assert "error[E-IO]: can't write" in said
    assert "Read-only file system" in said
    assert whole(home) == OLD


@pytest.mark.skipif(os.geteuid() == 0 and MAY_MOUNT.returncode != 0, reason="root may write everywhere")
def test_a_home_that_others_own_is_named(scene: Scene) -> None:
    home = scene.fresh()
    packs = home.folder / "packs"
    packs.chmod(0o500)
    try:
        code, said = scene.run(*(("unshare", "--user") if os.geteuid() == 0 else ()), *KT, home=home.folder)
    finally:
        packs.chmod(0o700)
    assert whole(home) == OLD
    assert "Permission denied" in said
    assert code in (74, 77)
