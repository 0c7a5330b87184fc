"""Which projects the user trusts: a .kt/ says nothing before its folder is on this list, with what is in it now."""

import hashlib
import json
from pathlib import Path

from kt.errors import DataError

from .home import config_folder


def trusted() -> dict[str, str]:
    """Return the trusted folders and the digest of each one's .kt/ as it was then.

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
    """Tell whether this folder is trusted and its .kt/ is what it was then: a tool may have changed it since."""
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
    """Return the SHA-256 over the names and contents of the files in a folder's .kt/."""
    total = hashlib.sha256()
    base = folder.resolve() / ".kt"
    for path in sorted(base.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            total.update(f"{path.relative_to(base).as_posix()}\0{len(content)}\0".encode(errors="surrogateescape"))
            total.update(content)
    return total.hexdigest()
