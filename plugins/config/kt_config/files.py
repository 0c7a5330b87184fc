"""Configuration files with positions: TOML here, other formats by plugins of kind `format`."""

import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ._messages import Json
from .errors import DataError, NotFound, UnknownName

if TYPE_CHECKING:
    from ._registry import Registry

KeyPath: TypeAlias = "Sequence[str | int]"
Locate: TypeAlias = Callable[[KeyPath], tuple[int, int]]
"""Maps a path of keys and indexes to (line, column), both from 1; (1, 1) where it is unknown."""


class Document:
    """The data of a configuration file, and where each key stands."""

    __slots__ = ("data", "locate", "path")

    def __init__(self, data: dict[str, Json], path: Path | None = None, locate: Locate | None = None) -> None:
        self.data, self.path = data, path
        self.locate: Locate = locate or (lambda keys: (1, 1))

    def where(self, keys: KeyPath) -> str:
        """Return "file:line:col" of a key path, or the dotted path where there is no file."""
        if self.path is None:
            return ".".join(map(str, keys))
        line, column = self.locate(keys)
        return f"{self.path}:{line}:{column}"


def load_file(path: Path, registry: "Registry | None" = None) -> Document:
    """Return a configuration file's content. Raises NotFound, DataError (with file:line:col), UnknownName."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"no such file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't read {path}: {error}") from error
    ending = path.suffix.lstrip(".")
    if ending == "toml":
        return load_toml(text, path)
    entry = registry.find("format", ending) if registry else None
    if entry is None:
        raise UnknownName(f"no format for .{ending} files", where=str(path), hint="pip install kt-yaml")
    document: Document = entry.load()(text, path)
    if not isinstance(document.data, dict):
        raise DataError("the file must hold a mapping", where=f"{path}:1:1")
    return document


def load_toml(text: str, path: Path | None = None) -> Document:
    """Return parsed TOML. Raises DataError with file:line:col."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        what = str(error).partition(" (at ")[0]
        line, column = (at[1], at[2]) if at else (len(text.splitlines()) or 1, 1)
        raise DataError(f"broken TOML: {what}", where=f"{path or '<toml>'}:{line}:{column}") from None
    return Document(data, path, lambda keys: _locate_toml(text, keys))


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")


def _locate_toml(text: str, keys: KeyPath) -> tuple[int, int]:
    """Find the line that sets the longest prefix of `keys`; inline tables count as their line."""
    table: list[str | int] = []
    counts: dict[tuple[str, ...], int] = {}
    best, found = 0, (1, 1)
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            names = [n.strip(" \"'") for n in header[2].split(".")]
            table = list(names)
            if header[1] == "[[":
                counts[tuple(names)] = counts.get(tuple(names), -1) + 1
                table.append(counts[tuple(names)])
            here, column = table, header.start(2)
        elif key := _KEY.match(line):
            here, column = [*table, *(k.strip("\"'") for k in key[1].split("."))], key.start(1)
        else:
            continue
        if len(here) > best and list(keys[: len(here)]) == here:
            best, found = len(here), (number, column + 1)
    return found


def interpolate(value: Json, environ: Any, fail: Callable[[KeyPath, str], Exception], at: KeyPath = ()) -> Json:
    """Return `value` with ${VAR} and ${VAR:default} replaced in every string; raise `fail(path, VAR)` if unset."""
    if isinstance(value, dict):
        return {k: interpolate(v, environ, fail, (*at, k)) for k, v in value.items()}
    if isinstance(value, list):
        return [interpolate(v, environ, fail, (*at, i)) for i, v in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value

    def fill(match: re.Match[str]) -> str:
        found: str | None = environ.get(match[1], match[2])
        if found is None:
            raise fail(at, match[1])
        return found

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}", fill, value)
