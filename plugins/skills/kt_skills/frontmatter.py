"""SKILL.md taken apart: the YAML between its first two lines `---`, and the Markdown below.

Every value is text as it stands in the file: a version 1.10 is no number, and a name `on` is not true.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kt.errors import DataError, nearest

if TYPE_CHECKING:
    import yaml

Value: TypeAlias = str | list[str] | dict[str, str]

_FENCED = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(.*)", re.DOTALL | re.MULTILINE)


def read(text: str, path: Path, known: Collection[str]) -> tuple[dict[str, Value], str]:
    """Return (values by key, Markdown); a value is a text, a list or a map of texts.

    Raises DataError with file:line:col for broken YAML, a key that is not `known` or stands twice, and deeper values.
    """
    fenced = _FENCED.match(text)
    if fenced is None:
        hint = "begin with a line ---, then name: and description:, then a line ---"
        raise DataError("there is no front matter", where=f"{path}:1:1", hint=hint)
    values: dict[str, Value] = {}
    for key, node in _pairs(fenced[1], path):
        where = _place(path, key.start_mark)
        name = _text(key, where)
        if name not in known:
            raise DataError(f"unknown key {name!r}", where=where, hint=nearest(name, known))
        if name in values:
            raise DataError(f"the key {name!r} stands twice", where=where)
        values[name] = _value(node, where)
    return values, fenced[2].strip()


def _pairs(text: str, path: Path) -> "list[tuple[yaml.Node, yaml.Node]]":
    """Return the nodes of the outermost mapping. Nothing is constructed, so nested aliases cannot multiply."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        what = f"broken YAML: {error.problem or error.context}"
        where = _place(path, error.problem_mark or error.context_mark)
        raise DataError(what, where=where, hint="put a text that holds ': ' or ' #' in quotes") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(f"broken YAML: {' '.join(str(error).split())[:200]}", where=f"{path}:2:1") from None
    if not isinstance(root, yaml.MappingNode):
        raise DataError("the front matter must hold keys and values", where=f"{path}:2:1")
    return list(root.value)


def _value(node: "yaml.Node", where: str) -> Value:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        return [_text(item, where) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        texts = {_text(key, where): _text(value, where) for key, value in node.value}
        if len(texts) < len(node.value):
            raise DataError("a key in it stands twice", where=where)
        return texts
    return _text(node, where)


def _text(node: "yaml.Node", where: str) -> str:
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        raise DataError("only texts may stand here", where=where)
    return str(node.value)


def _place(path: Path, mark: "yaml.Mark | None") -> str:
    """Return "file:line:col" of a mark in the YAML, which begins in the second line of the file."""
    return f"{path}:{mark.line + 2}:{mark.column + 1}" if mark is not None else f"{path}:2:1"
