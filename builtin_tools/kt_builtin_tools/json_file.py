"""json_query and json_edit: values of a JSON file by JSON Pointer (RFC 6901) and JSON Patch (RFC 6902)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from kt import Context, Text, ToolNeeds, tool
from kt.errors import DataError, KTError, NotFound, nearest

from ._edits import diff
from ._json_pointer import Json, parse, pointer_of, segments
from ._json_text import Document
from ._seen import must_be_current, remember
from ._text import cut, load, shown

MAX_RESULTS = 100
MAX_VALUE = 2_000
"""Characters of one of several results."""
MAX_SHOWN = 30_000
"""Characters of a result that is the only one."""
MISSING = object()


@dataclass(slots=True)
class Change:
    """One operation of JSON Patch."""

    op: Literal["add", "replace", "remove", "move", "copy", "test"]
    path: str
    value: Json = field(default_factory=lambda: MISSING)
    from_: str | None = field(default=None, metadata={"alias": "from"})


@tool(effect="read", needs=ToolNeeds(reads=("$WS", "@path")))
def json_query(ctx: Context[object], path: str, query: str) -> Text:
    """Look up values in a JSON file.

    Args:
        query: A JSON Pointer; the segment * stands for every member or element.
    """
    data = load(ctx, path)
    value = parse(_decoded(path, data))
    remember(ctx, path, data)
    names = segments(query)
    found = list(islice(_matches(value, names, []), MAX_RESULTS + 1))
    if not found:
        raise NotFound(f"nothing in {path!r} matches {query!r}", hint=_why_missing(value, names))
    size = MAX_SHOWN if len(found) == 1 else MAX_VALUE
    lines = [f"{shown(pointer_of(at))}: {cut(_written(v), size)}" for at, v in found[:MAX_RESULTS]]
    if len(found) > MAX_RESULTS:
        lines.append(f"[only the first {MAX_RESULTS}; narrow the query]")
    return Text("\n".join(lines), origin="file")


def _decoded(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path!r} is no UTF-8 text: {error}") from error


def _matches(value: Json, names: Sequence[str], at: list[str]) -> Iterator[tuple[list[str], Json]]:
    """Yield pointer and value of everything that the names lead to."""
    if not names:
        yield at, value
        return
    members = _members(value)
    wanted = members if names[0] == "*" else [names[0]]
    for name in wanted:
        if name in members:
            yield from _matches(value[int(name) if isinstance(value, list) else name], names[1:], [*at, name])


def _members(value: Json) -> dict[str, None]:
    """Return the names of what is in a value, in order."""
    if isinstance(value, list):
        return dict.fromkeys(map(str, range(len(value))))
    return dict.fromkeys(value) if isinstance(value, dict) else {}


def _why_missing(value: Json, names: Sequence[str]) -> str:
    """Return where the names end, and what is there instead."""
    for depth, name in enumerate(names):
        members = _members(value)
        where = repr(pointer_of(names[:depth]))
        if name == "*":
            return f"nothing below {where} has what follows *" if members else f"{where} is empty"
        if name not in members:
            return f"{where} has no {name!r}; {nearest(name, map(shown, members)) or 'it is empty'}"
        value = value[int(name) if isinstance(value, list) else name]
    return ""


def _written(value: Json) -> str:
    """Return a value as one line of JSON, escaped where it is no valid Unicode."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


@tool(effect="once", parallel=False, needs=ToolNeeds(writes=("@path",)))
def json_edit(ctx: Context[object], path: str, changes: list[Change]) -> Text:
    """Change a JSON file that you have read, by operations of JSON Patch, all or none. The rest stays as written."""
    data = load(ctx, path)
    before = _decoded(path, data)
    must_be_current(ctx, path, data)
    document = Document(before)
    apply(document, changes)
    after = document.text
    ctx.files.write(path, after.encode())
    remember(ctx, path, after.encode())
    return Text(f"edited {shown(path)}\n{diff(before, after)}".rstrip(), origin="file")


def apply(document: Document, changes: Sequence[Change]) -> None:
    """Do the operations in order. Raises KTError that says which one does not fit."""
    for number, change in enumerate(changes, 1):
        try:
            _do(document, change)
        except KTError as error:
            raise KTError(f"change {number}: {error}", hint=error.hint) from error


def _do(document: Document, change: Change) -> None:
    names = segments(change.path)
    if change.op == "remove":
        document.drop(names)
    elif change.op in ("move", "copy"):
        _carry(document, change, names)
    elif change.value is MISSING:
        raise DataError(f"{change.op} needs a value")
    elif change.op == "test":
        if not _same(found := document.value(names), change.value):
            raise KTError(f"the test failed: {change.path!r} is {cut(_written(found), 200)}")
    elif change.op == "add":
        document.add(names, document.style.dump(change.value, len(names)))
    else:
        document.replace(names, document.style.dump(change.value, len(names)))


def _carry(document: Document, change: Change, names: list[str]) -> None:
    """Move or copy a value as it is written."""
    if change.from_ is None:
        raise DataError(f"{change.op} needs from")
    source = segments(change.from_)
    text = document.style.moved(document.source(source), len(source), len(names))
    if change.op == "move":
        if names == source:
            return
        if names[: len(source)] == source:
            raise DataError(f"{change.from_!r} cannot be moved into itself")
        document.drop(source)
    document.add(names, text)


def _same(a: Json, b: Json) -> bool:
    """Tell whether two values are equal as JSON: 1 is 1.0, but true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(v, b[k]) for k, v in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)
