"""Configuration files with positions: TOML here, other formats by plugins of kind `format`."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kt.errors import ConfigError, DataError, KTError, NotFound

from .recorded import note

if TYPE_CHECKING:
    from kt import Registry

Keys: TypeAlias = Sequence[str | int]
Locate: TypeAlias = Callable[[Keys], tuple[int, int]]
"""Maps a path of keys and indexes to (line, column), both from 1; to the nearest known place above it."""

MAX_BYTES = 1 << 20


class Document:
    """The data of a configuration file, and where each key stands."""

    def __init__(self, data: dict[str, Any], path: Path, locate: Locate) -> None:
        self.data, self.path, self.locate = data, path, locate

    def where(self, keys: Keys) -> str:
        """Return "file:line:col" of a key path."""
        line, column = self.locate(keys)
        return f"{self.path}:{line}:{column}"


def load_file(path: Path, registry: "Registry") -> Document:
    """Return a configuration file's content. Raises NotFound, DataError with file:line:col, and ConfigError where no
    plugin reads the format."""
    note(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError("the file is too large for a configuration", where=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"no such file: {path}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 at byte {error.start}", where=str(path)) from None
    except OSError as error:
        raise DataError(f"can't read it: {error.strerror}", where=str(path)) from error
    ending = path.suffix.lstrip(".")
    if ending == "toml":
        return load_toml(text, path)
    entry = registry.find("format", ending)
    if entry is None:
        hint = "pip install kt-yaml" if ending in ("yaml", "yml") else "use .toml or .yaml"
        raise ConfigError(f"no plugin reads .{ending} files", where=str(path), hint=hint)
    data, locate = entry.load()(text, path)
    if not isinstance(data, dict):
        raise DataError("the file must hold a mapping", where=f"{path}:1:1")
    return Document(data, path, locate)


def load_toml(text: str, path: Path) -> Document:
    """Return parsed TOML. Raises DataError with file:line:col."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        at = re.match(r"line (\d+), column (\d+)", place)
        line, column = (at[1], at[2]) if at else (str(text.count("\n") + 1), "1")
        raise DataError(f"broken TOML: {what}", where=f"{path}:{line}:{column}") from None
    return Document(data, path, lambda keys: locate_toml(text, keys))


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_.-]|"[^"]*"|'[^']*')+)\s*=""")


def locate_toml(text: str, keys: Keys) -> tuple[int, int]:
    """Return (line, column) of the longest prefix of `keys` that has a line; inline tables count as theirs."""
    table: list[str | int] = []
    counts: dict[tuple[str, ...], int] = {}
    best, found, statement = 0, (1, 1), ""
    for number, line in enumerate(text.splitlines(), 1):
        if statement:  # a text or an array that goes on over several lines
            statement = _unfinished(f"{statement}\n{line}")
            continue
        if header := _HEADER.match(line):
            names = tuple(name.strip(" \"'") for name in header[2].split("."))
            if header[1] == "[[":
                counts[names] = counts.get(names, -1) + 1
            table = []
            for depth, name in enumerate(names, 1):
                table += [name, counts[names[:depth]]] if names[:depth] in counts else [name]
            here, column = table, header.start(2)
        elif key := _KEY.match(line):
            here, column = [*table, *(k.strip("\"'") for k in key[1].split("."))], key.start(1)
            statement = _unfinished(line)
        else:
            continue
        if len(here) > best and list(keys[: len(here)]) == here:
            best, found = len(here), (number, column + 1)
    return found


def _unfinished(statement: str) -> str:
    """Return the statement if lines of it are still to come, else nothing."""
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return statement
    return ""


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")


def interpolate(value: Any, environ: Mapping[str, str], fail: Callable[[Keys, str], KTError], at: Keys = ()) -> Any:
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

    return _VARIABLE.sub(fill, value)
