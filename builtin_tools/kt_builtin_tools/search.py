"""glob and grep: ripgrep where it is installed, Python otherwise, with the same results."""

import re
import warnings

from anyio import fail_after
from kt import Context, Text, ToolNeeds, tool
from kt.errors import DataError, KTError, UsageError

from . import _pysearch, _ripgrep
from ._hits import Hits
from ._query import MAX_PATHS, Query, scope_of
from ._text import shown

TIME = 30.0
"""Seconds a search may take."""
MAX_SHOWN = 30_000
"""Characters of one result of grep."""
SEARCHING = ToolNeeds(reads=("$WS", "@path"), exec=("rg", "python"))


@tool(effect="read", needs=SEARCHING)
async def glob(ctx: Context[object], pattern: str, path: str = ".") -> Text:
    """Find files whose names match a pattern of *, **, ? and {,}. What .gitignore names is left out."""
    scope = scope_of(ctx, path, pattern)
    if scope.single:
        raise KTError(f"{path!r} is a file", hint="give a folder")
    try:
        with fail_after(TIME):
            found = await _ripgrep.list_paths(scope)
            if found is None:
                found = await _pysearch.list_paths(scope)
    except TimeoutError as error:
        raise KTError(f"the search took longer than {TIME:g} s", hint="search a smaller folder") from error
    lines = [shown(p) for p in found[:MAX_PATHS]]
    if len(found) > MAX_PATHS:
        lines.append(f"[only the first {MAX_PATHS}; narrow the pattern]")
    return Text("\n".join(lines) or f"no file matches {pattern!r}", origin="file")


@tool(effect="read", needs=SEARCHING)
async def grep(
    ctx: Context[object],
    pattern: str,
    path: str = ".",
    glob: str | None = None,
    ignore_case: bool = False,
    context: int = 0,
    limit: int = 100,
) -> Text:
    """Search file contents for a regular expression, line by line. What .gitignore names is left out.

    Args:
        path: File or folder.
        glob: Only files whose names match.
        context: Lines to show around each match.
    """
    if context < 0 or limit < 1:
        raise UsageError("context counts from 0, limit from 1")
    _check(pattern)
    scope = scope_of(ctx, path, glob)
    query = Query(pattern, ignore_case, context, limit + 1)
    try:
        with fail_after(TIME):
            hits = await _ripgrep.search(scope, query)
            if hits is None:
                hits = await _pysearch.search(scope, query)
    except TimeoutError as error:
        raise KTError(f"the search took longer than {TIME:g} s", hint="simplify the pattern, or narrow path") from error
    return Text(_rendered(hits, context, limit) or f"no line matches {pattern!r}", origin="file")


def _check(pattern: str) -> None:
    """Raise DataError, with the position, for what is no regular expression of Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except re.error as error:
        where = "" if error.pos is None else f"position {error.pos}"
        raise DataError(f"invalid regular expression: {error.msg}", where=where) from error
    except (Warning, OverflowError, RecursionError) as error:
        raise DataError(f"invalid regular expression: {error}") from error


def _rendered(hits: Hits, context: int, limit: int) -> str:
    out: list[str] = []
    size = 0
    for line in hits.shown(context):
        out.append(line)
        size += len(line) + 1
        if size > MAX_SHOWN:
            return "\n".join([*out, "[more was found; narrow the search]"])
    if hits.full:
        out.append(f"[only the first {limit} matches; narrow the search]")
    return "\n".join(out)
