"""Which folders the user trusts: a project's .kt/ says nothing before its folder is on this list."""

import json
from pathlib import Path

from kt.errors import DataError

from .home import config_folder


def trusted() -> list[str]:
    """Return the trusted folders. Raises DataError where the list can't be read: trust is never guessed."""
    file = config_folder() / "trusted.json"
    try:
        folders = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise DataError(f"can't read the list of trusted folders: {error}", where=str(file)) from error
    if not isinstance(folders, list) or not all(isinstance(f, str) for f in folders):
        raise DataError("the list of trusted folders must be a JSON list of paths", where=str(file))
    return folders


def is_trusted(folder: Path) -> bool:
    """Tell whether this folder, or one above it, is trusted."""
    here, known = folder.resolve(), {Path(f) for f in trusted()}
    return any(p in known for p in (here, *here.parents))


def trust(folder: Path) -> None:
    """Put a folder on the list."""
    folders = sorted({*trusted(), str(folder.resolve())})
    file = config_folder() / "trusted.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(folders, indent=1) + "\n", encoding="utf-8")
    new.replace(file)
