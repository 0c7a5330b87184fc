"""Prompts as a creature's file has them: {{include FILE}} and {{variable}} are filled in."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kt.errors import DataError, NotFound, nearest

from .beside import beside
from .documents import MAX_BYTES
from .recorded import note
from .references import in_pack
from .tree import Node

if TYPE_CHECKING:
    from kt import Plugins

MAX_INCLUDES = 1000
NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_FORM = re.compile(rf"\\(?P<literal>\{{\{{)|\{{\{{\s*(?:include\s+(?P<file>[^{{}}\n]+?)|(?P<name>{NAME}))\s*\}}\}}")


def variables_of(root: Node) -> dict[str, str]:
    """Return what prompts may name: the creature's `name` and `description`, and its `variables` over them.

    Raises DataError with the place for a name that no prompt could say, and a value that is no text or number.
    """
    own = {key: str(node.value) for key in ("name", "description") if (node := root.below(key)) is not None}
    table = root.below("variables")
    for key, node in (table.table() if table is not None else {}).items():
        if not re.fullmatch(NAME, key):
            raise DataError(f"{key!r} can't be a variable", where=node.where(), hint="letters, digits, _ and -")
        if not isinstance(node.value, str | int | float):
            raise DataError(f"variables.{key} must be text or a number", where=node.where())
        own[key] = node.value if isinstance(node.value, str) else json.dumps(node.value)
    return own


class Filling:
    """Fill in the prompts of one creature, of which `variables` has the values by name."""

    def __init__(self, plugins: "Plugins", variables: Mapping[str, str]) -> None:
        self.plugins, self.variables = plugins, variables
        self.included = 0

    def prompt(self, node: Node) -> str:
        """Return the prompt of a node, whose text is the prompt, or the name of a file if its key is `prompt_file`.

        Raises DataError for a file that can't be read, an unknown variable and files that include each other, and
        NotFound for a file that is not there or out of the pack; the place is that in the prompt's file.
        """
        if node.keys[-1] == "prompt_file":
            return self._file(beside(node.source.path, node.value, node.where()), node.where(), ())
        return self._text(node.value, node.source.path, lambda offset: node.where(), ()).strip()

    def _file(self, file: Path, where: str, line: tuple[Path, ...]) -> str:
        """Return the filled content of a file that is named at `where`, by the files of `line`."""
        here = file.resolve()
        if here in line:
            circle = " -> ".join(path.name for path in (*line, here))
            raise DataError(f"prompts include each other: {circle}", where=where)
        text = _read(file, where)

        def place(offset: int) -> str:
            before = text[:offset]
            return f"{file}:{before.count(chr(10)) + 1}:{offset - before.rfind(chr(10))}"

        return self._text(text, file, place, (*line, here)).strip()

    def _text(self, text: str, path: Path, place: Callable[[int], str], line: tuple[Path, ...]) -> str:
        def fill(match: re.Match[str]) -> str:
            if match["literal"]:
                return match["literal"]
            if match["file"]:
                return self._include(match["file"], path, place(match.start()), line)
            if (value := self.variables.get(match["name"])) is None:
                if match["name"] == "include":
                    raise DataError("{{include}} names no file", where=place(match.start()), hint="{{include FILE}}")
                hint = nearest(match["name"], self.variables)
                raise DataError(f"unknown variable {match['name']!r}", where=place(match.start()), hint=hint)
            return value

        out = _FORM.sub(fill, text)
        if len(out) > MAX_BYTES:
            raise DataError("the prompt is too long with all that it includes", where=place(0))
        return out

    def _include(self, name: str, path: Path, where: str, line: tuple[Path, ...]) -> str:
        self.included += 1
        if self.included > MAX_INCLUDES:
            raise DataError(f"a creature's prompts include more than {MAX_INCLUDES} files", where=where)
        if name[0] in "\"'":
            bare = name.strip("\"'")
            raise DataError(f"{name} has quotes around it", where=where, hint=f"{{{{include {bare}}}}}")
        if not name.startswith("@"):
            return self._file(beside(path, name, where), where, line)
        try:
            _, file = in_pack(self.plugins, name)
        except NotFound as error:
            raise NotFound(error.what, where=where, hint=error.hint) from None
        return self._file(file, where, line)


def _read(file: Path, where: str) -> str:
    note(file)
    try:
        if file.exists() and not file.is_file():
            raise DataError(f"can't read the prompt file: {file} is no file", where=where)
        if file.stat().st_size > MAX_BYTES:
            raise DataError("the prompt file is too large", where=where)
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        there = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
        raise NotFound(f"no prompt file {str(file)!r}", where=where, hint=nearest(file.name, there)) from None
    except UnicodeDecodeError as error:
        raise DataError(f"the prompt file {file} is not UTF-8 at byte {error.start}", where=where) from None
    except OSError as error:
        raise DataError(f"can't read the prompt file {file}: {error.strerror}", where=where) from error
