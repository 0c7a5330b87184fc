"""Which projects the user trusts: a folder says nothing before it is on this list, with what it says now."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from kt.errors import DataError

from .home import config_folder


def trusted() -> dict[str, str]:
    """Return the trusted folders and the digest of what each one said then.

    Raises DataError where the list can't be read: trust is never guessed.
    """
    file = config_folder() / "trusted.json"
    try:
        folders = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"can't read the list of trusted folders: {error}", where=str(file)) from error
    if not isinstance(folders, dict) or not all(isinstance(d, str) for d in folders.values()):
        raise DataError("the list of trusted folders must be a JSON object of paths and digests", where=str(file))
    return folders


def is_trusted(folder: Path) -> bool:
    """Tell whether this folder is trusted and says what it said then: a tool may have changed it since."""
    return trusted().get(str(folder.resolve())) == digest(folder)


def trust(folder: Path) -> None:
    """Put a folder on the list, as it is now."""
    folders = {**trusted(), str(folder.resolve()): digest(folder)}
    file = config_folder() / "trusted.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(dict(sorted(folders.items())), indent=1) + "\n", encoding="utf-8")
    new.replace(file)


def digest(folder: Path) -> str:
    """Return the SHA-256 over the names and contents of the files that have a say: .kt/, and hooks in .claude/."""
    total = hashlib.sha256()
    root = folder.resolve()
    for path in _having_a_say(root):
        if path.is_file():
            content, name = path.read_bytes(), Path(os.path.relpath(path, root / ".kt")).as_posix()
            total.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape"))
            total.update(content)
    return total.hexdigest()


def _having_a_say(root: Path) -> Iterator[Path]:
    yield from sorted((root / ".kt").rglob("*"))
    yield from (root / ".claude" / name for name in ("settings.json", "settings.local.json"))
    yield from sorted((root / ".claude" / "hooks").rglob("*"))
