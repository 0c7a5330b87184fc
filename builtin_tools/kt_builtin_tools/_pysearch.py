"""Search by Python: folders are walked and files read here, patterns matched in a process that can be stopped."""

import inspect
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import TypeVar

from anyio import to_thread
from kt import Context
from kt.errors import KTError

from . import _matcher
from ._hits import Hits
from ._query import MAX_PATHS, MAX_SEARCHED, Query, Scope
from ._walk import is_link, walk

T = TypeVar("T")

MATCHER = inspect.getsource(_matcher)
BATCH = 8_000_000
"""Bytes to hand to one process."""
STEP = 500
"""Files to look at in one go."""


def _chunks(scope: Scope) -> Iterator[list[str]]:
    """Yield the paths that count, a list for every 500 files looked at."""
    if scope.single:
        yield [scope.start]
        return
    files = walk(scope.ctx, scope.ignore)
    while some := list(islice(files, STEP)):
        fitting = (f.path for f in some if f.size <= MAX_SEARCHED and scope.fits(f.path))
        yield [path for path in fitting if not is_link(scope.ctx, path)]


async def _next(steps: Iterator[T]) -> T | None:
    """Take one step in a thread; None at the end."""
    return await to_thread.run_sync(next, steps, None, abandon_on_cancel=True)


async def list_paths(scope: Scope) -> list[str]:
    """Return the paths that count; one more than are shown where there are more."""
    found: list[str] = []
    chunks = _chunks(scope)
    while len(found) <= MAX_PATHS and (chunk := await _next(chunks)) is not None:
        found += chunk
    return found


async def search(scope: Scope, query: Query) -> Hits:
    """Search in a Python process of its own, so that a pattern that never ends can be stopped."""
    ctx = scope.ctx
    hits = Hits(query.limit - 1, lambda path: True)
    argv = [sys.executable, "-I", "-S", "-c", MATCHER]
    head = json.dumps(asdict(query)).encode() + b"\n"
    batches = _batches(scope)

    def listen(text: str) -> None:
        hits.feed(text)

    while not hits.full and (batch := await _next(batches)) is not None:
        if batch:
            hits.complete = False
            result = await ctx.exec.run(argv, stdin=head + batch, cwd=ctx.pwd, max_output=0, on_output=listen)
            if not (hits.complete or hits.full):
                raise KTError(f"the search failed: its process ended with code {result.code}")
    return hits


def _batches(scope: Scope) -> Iterator[bytes]:
    """Yield the files to search as _matcher reads them, some 8 MB at a time; b"" where it is not so much yet."""
    batch = bytearray()
    for chunk in _chunks(scope):
        for path in chunk:
            if (data := _text(scope.ctx, path)) is not None:
                batch += json.dumps({"path": path, "size": len(data)}).encode() + b"\n" + data
            if len(batch) > BATCH:
                yield bytes(batch)
                batch.clear()
        yield b""
    yield bytes(batch)


def _text(ctx: Context[object], path: str) -> bytes | None:
    """Return a file to search; None for one that is binary or cannot be read, as ripgrep passes over these."""
    try:
        data = ctx.files.read(path, limit=MAX_SEARCHED + 1)
    except KTError:
        return None
    return None if b"\0" in data or len(data) > MAX_SEARCHED else data
