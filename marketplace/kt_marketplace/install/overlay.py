"""The packs of one lock as a folder for sys.path: built beside, checked, and only then switched to."""

import errno
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kt.errors import DataError, NotFound

from ..errors import Tampered
from . import editable, store, uv
from .errors import Busy
from .intact import damaged, spoilt, unlisted
from .lock import Lock, Locked
from .path import LOCK, ROOTS, SITE, lock_file, overlay, packs_folder

CACHE = "uv"
"""Where uv keeps what it unpacked, below the folder of the packs."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
HISTORY = 20
"""How many changes can be gone back."""


@contextmanager
def alone() -> Iterator[Path]:
    """Be the only process that changes packs; yield a folder for the work. Raises Busy."""
    folder = packs_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("another process is installing packs", hint="wait for it, and try again") from None
        for left in folder.glob("work-*"):  # by a process that was killed
            shutil.rmtree(left)
        uv.KEPT_OPEN.add(file.fileno())
        try:
            with TemporaryDirectory(dir=folder, prefix="work-") as work:
                yield Path(work)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            # What is copied has a name in the error, and what is written has none.
            raise OSError(error.errno, error.strerror, str(folder)) from error
        finally:
            uv.KEPT_OPEN.discard(file.fileno())


def build(lock: Lock, work: Path) -> Path:
    """Return the overlay of a lock, built now if it is not there: from stored wheels, by their digests, off line.

    Raises NotFound where a wheel is not stored, ConfigError where the folder of an editable pack is gone and no older
    overlay has what finds it, Tampered where what was installed is not what was inspected.
    """
    done = overlay(lock.text())
    if done.is_dir():
        if not damaged(lock, done / SITE):
            return done
        shutil.rmtree(done)
    fresh = work / "overlay"
    site = fresh / SITE
    site.mkdir(parents=True)
    lines, roots = [], []
    for pack in lock.packs.values():
        if pack.editable:
            roots.append(editable.lay(pack, fresh, _overlays()))
            continue
        if not store.holds(pack):
            raise NotFound(f"the wheel of {pack.name} {pack.version} is not kept here", hint="kt sync fetches it")
        lines.append(f"{pack.name} @ {store.wheel_file(pack).as_uri()} --hash=sha256:{pack.sha256}\n")
    (fresh / ROOTS).write_text("".join(f"{root}\n" for root in roots), encoding="utf-8")
    if lines:
        _install(lines, site, work)
    if bad := damaged(lock, site):
        shutil.rmtree(packs_folder() / CACHE, ignore_errors=True)
        what = f"what uv unpacked is not what was inspected: {', '.join(bad[:5])}"
        raise Tampered(what, where=str(packs_folder() / CACHE), hint="it was removed: try again")
    (fresh / LOCK).write_bytes(lock.text())
    fresh.rename(done)
    return done


def torn(lock: Lock) -> list[Locked]:
    """Return the packs of a lock that are not as they were inspected, or all of them where they are not built."""
    built = overlay(lock.text())
    if not built.is_dir():
        return list(lock.packs.values())
    return spoilt(lock, built / SITE)


def strange(lock: Lock) -> list[str]:
    """Return the files beside the packs of a lock that are of none of them."""
    built = overlay(lock.text())
    return unlisted(lock, built / SITE) if built.is_dir() else []


def _install(lines: list[str], site: Path, work: Path) -> None:
    (work / "wheels.txt").write_text("".join(lines))
    uv.run(
        *("pip", "install", "--target", site, "--python", sys.executable, "--no-deps", "--require-hashes"),
        # From a cache of our own, and not linked to it: what is done to a file in one must not come to the other.
        *("--no-build", "--no-index", "--cache-dir", packs_folder() / CACHE, "--link-mode", "copy"),
        *("-r", "wheels.txt"),
        cwd=work,
    )


def switch(lock: Lock) -> None:
    """Make a lock whose overlay is built the one that counts; the one before it can be gone back to."""
    file, text = lock_file(), lock.text()
    before = file.read_bytes() if file.is_file() else Lock().text()
    if before != text and _is_lock(before):
        history = [before, *(b for b in _history() if b != before)][:HISTORY]
        _replace(packs_folder() / "history.json", json.dumps([b.decode() for b in history]).encode())
    _replace(file, text)


def previous() -> Lock:
    """Return the lock before the last change. Raises NotFound."""
    now = lock_file().read_bytes() if lock_file().is_file() else b""
    # A process that was killed between the two files left what is there now in the history as well.
    if not (history := [text for text in _history() if text != now]):
        raise NotFound("there is nothing to go back to")
    return Lock.parse(history[0], where="the history of kt.lock")


def _is_lock(text: bytes) -> bool:
    try:
        Lock.parse(text, where=LOCK)
    except DataError:
        return False
    return True


def _history() -> list[bytes]:
    file = packs_folder() / "history.json"
    return [text.encode() for text in json.loads(file.read_text())] if file.is_file() else []


def _replace(file: Path, content: bytes) -> None:
    fresh = file.with_name(file.name + ".new")
    with fresh.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)


def _overlays() -> list[Path]:
    """Return the overlays that are built for this Python, of whatever lock."""
    return list(packs_folder().glob(f"{sys.implementation.cache_tag}-*"))


def tidy() -> None:
    """Remove overlays and wheels that neither the lock nor what it can go back to needs."""
    texts = [*_history(), lock_file().read_bytes() if lock_file().is_file() else b""]
    kept = {overlay(text).name for text in texts}
    for item in _overlays():
        if item.name not in kept:
            shutil.rmtree(item)
    store.forget(Lock.parse(text, where="the history of kt.lock") for text in texts if text)
