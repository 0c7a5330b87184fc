"""JSON as an index may be: bounded, each key once, no fractions, and text that shows as what it is."""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from kt.errors import DataError

SIZE = 32 * 2**20
DEPTH = 16
VALUES = 2_000_000
TEXT = 4096


def read(data: bytes, *, where: str, size: int = SIZE) -> Any:
    """Return what JSON says. Raises DataError, with the place, for what is no strict JSON or beyond the bounds."""
    if len(data) > size:
        raise DataError(f"larger than {size >> 20} MiB", where=where)
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_once, parse_float=_no_number, parse_constant=_no_number
        )  # fmt: skip
    except RecursionError:
        raise DataError("nested too deep", where=where) from None
    except ValueError as error:
        raise DataError(f"no strict JSON: {error}", where=where) from None
    for number, (place, item, depth) in enumerate(_values(value), 1):
        if why := _why_not(item, depth, number):
            raise DataError(why, where=f"{where}: {place}" if place else where)
    return value


def canonical(value: Any) -> bytes:
    """Return the one form of a value that is signed: keys sorted, no blanks, everything beyond ASCII escaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        twice = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return table


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no whole number")


def _values(top: Any) -> Iterator[tuple[str, Any, int]]:
    """Yield each value and each key as (place, value, depth), without recursion."""
    pending: list[tuple[str, Any, int]] = [("", top, 0)]
    while pending:
        place, value, depth = pending.pop()
        yield place, value, depth
        inner: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, dict):
            yield from ((place, key, depth) for key in value)
            inner = value.items()
        elif isinstance(value, list):
            inner = enumerate(value)
        pending += ((f"{place}.{key}" if place else str(key), item, depth + 1) for key, item in inner)


def _why_not(value: Any, depth: int, number: int) -> str:
    if depth > DEPTH:
        return "nested too deep"
    if number > VALUES:
        return f"more than {VALUES:,} values"
    if isinstance(value, str):
        if len(value) > TEXT:
            return f"a text of more than {TEXT} characters"
        if not value.isprintable():
            return f"{value[:80]!a} has characters that don't show"
        if not unicodedata.is_normalized("NFC", value):
            return f"{value[:80]!a} is not in the normal form NFC"
    return ""
