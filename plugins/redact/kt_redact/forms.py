"""The ways in which one secret is written: as it is, and as encoders and shells write it."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Shorter values are not tracked: they would be found in texts that have nothing to do with them."""
LINE = 32
"""A line of a long secret counts as a secret from this length on, if nothing in it is a space."""


def trackable(value: str) -> bool:
    """Tell whether a value can be looked for: long enough, and not one character repeated."""
    return len(value) >= SHORTEST and len(set(value)) > 1


def forms(value: str) -> set[str]:
    """Return all texts that give the value away."""
    whole = {value, *(line for line in value.split("\n") if len(line) >= LINE and not re.search(r"\s", line))}
    return {form for text in whole for form in _written(text) if trackable(form)}


def _written(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogateescape")
    yield value
    yield from _escaped(value)
    yield from _shell(value)
    yield from _percent(value)
    yield data.hex()
    yield data.hex().upper()
    for offset in range(3):
        yield from _base64(data, offset)


def _escaped(value: str) -> Iterator[str]:
    """Yield what JSON, JSON within JSON, Python and HTML make of it."""
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)
        yield once[1:-1]
        yield json.dumps(once, ensure_ascii=ascii_only)[3:-3]
    yield repr(value)[1:-1]
    yield repr(value.encode("utf-8", "surrogateescape"))[2:-1]
    yield html.escape(value)
    yield html.escape(value, quote=False)


def _shell(value: str) -> Iterator[str]:
    """Yield what stands between single or double quotes, and what has a backslash before all that is special."""
    yield value.replace("'", "'\"'\"'")
    yield value.replace("'", "'\\''")
    yield re.sub(r'([$`"\\])', r"\\\1", value)
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)


def _percent(value: str) -> Iterator[str]:
    for written in (quote(value, safe="", errors="replace"), quote(value, errors="replace"), quote_plus(value)):
        yield written
        yield re.sub(r"%..", lambda m: m[0].lower(), written)


def _base64(data: bytes, offset: int) -> Iterator[str]:
    """Yield both alphabets, for data that stands `offset` bytes (modulo 3) into what was encoded.

    Where something stands before or after it, the characters shared with that are left out.
    """
    encoded = b64encode(bytes(offset) + data).decode()
    bare = encoded.rstrip("=")
    inner = bare[(offset * 8 + 5) // 6 : (offset + len(data)) * 8 // 6]
    for text in (inner, bare, encoded) if offset == 0 else (inner,):
        yield text
        yield text.replace("+", "-").replace("/", "_")
