"""JSON values from text, and JSON Pointers (RFC 6901) into them."""

import json
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from kt.errors import DataError, NotFound

Json: TypeAlias = Any  # JSON data: None, bool, int, float, str, list, dict


def parse(text: str) -> Json:
    """Return the value of JSON text. Raises DataError with line and column."""
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise DataError(
            f"not JSON: {error.msg}", where=f"line {error.lineno}, column {error.colno}", hint="use edit"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}") from error


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is no JSON value")


def segments(pointer: str) -> list[str]:
    """Return the names of a JSON Pointer (RFC 6901). Raises DataError."""
    if pointer and not pointer.startswith("/"):
        raise DataError(f"{pointer!r} is no JSON Pointer", hint="begin it with /")
    if re.search(r"~(?![01])", pointer):
        raise DataError(f"{pointer!r} is no JSON Pointer", hint="write ~ as ~0")
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]


def pointer_of(names: Sequence[str]) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def index(name: str, size: int, *, adding: bool = False) -> int:
    """Return the number that a name means in an array. Raises NotFound for none in it."""
    if adding and name == "-":
        return size
    if not re.fullmatch(r"0|[1-9]\d*", name) or int(name) >= size + adding:
        raise NotFound(f"{name!r} is no element of an array of {size}")
    return int(name)
