"""Safe YAML that remembers where each key stands and refuses a key that stands twice."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from kt.errors import DataError

Keys = Sequence[str | int]
MAX_NODES = 50_000


def load(text: str, path: Path) -> tuple[Any, Callable[[Keys], tuple[int, int]]]:
    """Return (data, locate); `locate(keys)` is the (line, column) of a key path, both from 1.

    Raises DataError with file:line:col for broken YAML, a duplicate key, a key that is no string, and aliases that
    blow up.
    """
    places: dict[tuple[str | int, ...], tuple[int, int]] = {}
    try:
        root = yaml.compose(text, Loader=_Loader)
        _check(root, (), places, path, [0])
        data = _Loader(text).get_single_data() if root is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        what = f"broken YAML: {error.problem or error.context}"
        raise DataError(what, where=f"{path}{place}", hint=_hint(error.problem or "")) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DataError(f"broken YAML: {' '.join(str(error).split())[:200]}", where=f"{path}:1:1") from None

    def locate(keys: Keys) -> tuple[int, int]:
        known = tuple(keys)
        while known and known not in places:
            known = known[:-1]
        return places.get(known, (1, 1))

    return data, locate


def _hint(problem: str) -> str:
    """Return what mends a frequent mistake; "" for others."""
    if "'\\t' that cannot start any token" in problem:
        return "indent with spaces"
    if problem.endswith("that cannot start any token"):
        return "put the value in quotes"
    return 'put a value with ": " in quotes' if problem == "mapping values are not allowed here" else ""


class _Loader(yaml.SafeLoader):
    pass


def _check(
    node: yaml.Node | None, at: tuple[str | int, ...], places: dict[Any, tuple[int, int]], path: Path, count: list[int]
) -> None:
    """Note the place of every key, and refuse what would be lost or explode."""
    count[0] += 1
    if count[0] > MAX_NODES:
        raise DataError("too many values; are there nested aliases?", where=f"{path}:1:1")
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            places[(*at, index)] = _place(item)
            _check(item, (*at, index), places, path, count)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line, column = _place(key)
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise DataError(f"the key {key.value!r} must be text", where=f"{path}:{line}:{column}", hint="quote it")
            here = (*at, key.value)
            if here in places:
                raise DataError(f"the key {key.value!r} stands twice", where=f"{path}:{line}:{column}")
            places[here] = (line, column)
            _check(value, here, places, path, count)


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
