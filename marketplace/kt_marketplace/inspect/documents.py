"""The YAML and TOML files of a wheel as plain values, read so that no file can take up time or memory."""

import tomllib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from kt.errors import DataError

if TYPE_CHECKING:
    import yaml

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"
MAX_DOCUMENT = 256 << 10
ENDINGS = (".yaml", ".yml", ".toml")


def parse(text: str, name: str, *, single: Callable[[str], str] = str) -> Plain:
    """Return what a document says, each single value as the text that `single` makes of it. Raises DataError.

    A part that a YAML file refers to many times is one object here, and it may even hold itself. Nothing (null) is "".
    """
    if len(text) > MAX_DOCUMENT:
        raise DataError("too large", where=name)
    try:
        return _toml(tomllib.loads(text), single) if name.lower().endswith(".toml") else _yaml(text, name, single)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DataError(f"can't be read: {type(error).__name__}", where=name) from None


def _toml(value: object, single: Callable[[str], str]) -> Plain:
    if isinstance(value, dict):
        return {str(k): _toml(v, single) for k, v in value.items()}
    if isinstance(value, list):
        return [_toml(v, single) for v in value]
    return single(str(value))


def _yaml(text: str, name: str, single: Callable[[str], str]) -> Plain:
    try:
        import yaml
    except ImportError:
        raise DataError("can't be read: pyyaml is not installed", where=name) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"broken YAML: {type(error).__name__}", where=name) from None
    return {} if node is None else _plain(node, {}, single)


def _plain(node: "yaml.Node", seen: dict[int, Plain], single: Callable[[str], str]) -> Plain:
    """Return the values of a node; each node becomes one value, however often it is referred to."""
    import yaml

    if id(node) in seen:
        return seen[id(node)]
    if isinstance(node, yaml.SequenceNode):
        items: list[Plain] = []
        seen[id(node)] = items
        items.extend(_plain(child, seen, single) for child in node.value)
        return items
    if isinstance(node, yaml.MappingNode):
        table: dict[str, Plain] = {}
        seen[id(node)] = table
        own = {}
        for key, child in node.value:
            value = _plain(child, seen, single)
            if key.tag == "tag:yaml.org,2002:merge":
                for part in value if isinstance(value, list) else [value]:
                    table |= part if isinstance(part, dict) else {}
            else:
                own[str(key.value)] = value
        table |= own
        return table
    return "" if node.tag == "tag:yaml.org,2002:null" else single(str(node.value))
