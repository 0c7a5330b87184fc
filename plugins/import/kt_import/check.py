"""The output is read by our own loader before it is written where it was asked for."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import DataError, KTError, NotFound

from .work import Work

if TYPE_CHECKING:
    from kt import Plugins

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BASE = re.compile(r"^(\s*(?:- )?)base: (['\"]?)(@[^\n'\"]+)\2$", re.MULTILINE)


def check(work: Work) -> None:
    """Load each creature and recipe of the output. Raises DataError with the place in the output.

    Variables without a value count as 1, and a base of a pack that is not installed is left out, here only.
    """
    with tempfile.TemporaryDirectory(prefix="kt-import-") as name:
        folder = Path(name)
        write_files(folder, {path: _checkable(work.plugins, path, content) for path, content in work.files.items()})
        for path in work.creature_files:
            try:
                _load(work.plugins, folder / path)
            except (DataError, NotFound) as error:
                what, where = (text.replace(f"{folder}/", "") for text in (error.what, error.where))
                hint = "the place is in the result: change the source where that came from"
                raise DataError(f"the result does not load: {what}", where=where, hint=hint) from error


def _load(plugins: "Plugins", path: Path) -> None:
    plugins.registry.get("loader", "creature", where="kt import")(plugins, path)


def _checkable(plugins: "Plugins", path: str, content: str | bytes) -> str | bytes:
    """Return a file as it can be loaded here and now."""
    if not isinstance(content, str) or not path.endswith(".yaml"):
        return content

    def base(match: re.Match[str]) -> str:
        try:
            plugins.registry.get("config", "reference")(plugins, match[3])
        except KTError:
            return f"{match[1]}description: without its base" if match[1].endswith("- ") else ""
        return match[0]

    return _BASE.sub(base, _VARIABLE.sub(r"${\1:1}", content))


def write_files(folder: Path, files: Mapping[str, Any]) -> None:
    """Write files below a folder."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
