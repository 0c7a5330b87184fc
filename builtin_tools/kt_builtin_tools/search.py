"""glob and grep: ripgrep where it is installed, Python otherwise, with the same results."""

import json
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from anyio import CancelScope, fail_after, to_thread
from kt import Context, ExecResult, Text, tool
from kt.errors import DataError, KTError, NotFound, UsageError

from ._glob import Glob
from ._hits import Hits
from ._text import shown
from ._walk import Ignore, is_link, walk

T = TypeVar("T")

MATCHER = str(Path(__file__).with_name("_matcher.py"))

TIME = 30.0
"""Seconds a search may take."""
MAX_PATHS = 200
MAX_SHOWN = 30_000
"""Characters of one result of grep."""
MAX_SEARCHED = 50 * 2**20
"""Bytes of the largest file that is searched."""
BATCH = 8_000_000
STEP = 500
"""Files to look at before the event loop gets a turn."""

RG = [
    *("--no-config", "--no-messages", "--sort=path", "--hidden", "--glob=!.git", "--no-require-git"),
    *("--no-ignore-parent", "--no-ignore-dot", "--no-ignore-exclude", "--no-ignore-global"),
    f"--max-filesize={MAX_SEARCHED}",
]
ONLY_PYTHON = re.compile(r"\\[<>]|\\b\{")
"""What ripgrep takes for something else than Python does."""


@dataclass(slots=True)
class Query:
    """What grep looks for; `limit` is one more than what is shown."""

    pattern: str
    ignore_case: bool
    context: int
    limit: int


@dataclass(slots=True)
class Scope:
    """Where to search: `start` as ctx.files names it, a single file or a folder, and which paths in it count."""

    ctx: Context[object]
    start: str
    single: bool
    glob: Glob | None
    ignore: Ignore

    def fits(self, path: str) -> bool:
        """Tell whether the glob matches a path beneath the start."""
        inner = path if self.start == "." else path[len(self.start) + 1 :]
        return self.single or self.glob is None or self.glob.matches(inner)

    def keeps(self, path: str) -> bool:
        return self.single or (self.fits(path) and not self.ignore.hides(path))


def _scope(ctx: Context[object], path: str, pattern: str | None) -> Scope:
    start = ctx.files.relative(path)
    info = ctx.files.info(start)
    if info is None:
        raise NotFound(f"{path!r} does not exist")
    if not info.is_dir and info.size > MAX_SEARCHED:
        raise KTError(f"{path!r} is too large", hint="search it with bash")
    return Scope(ctx, start, not info.is_dir, None if pattern is None else Glob(pattern), Ignore(ctx, start))


@tool(effect="read")
async def glob(ctx: Context[object], pattern: str, path: str = ".") -> Text:
    """Find files by name: *, ** for any folders, {a,b}. What .gitignore names is left out."""
    scope = _scope(ctx, path, pattern)
    if scope.single:
        raise KTError(f"{path!r} is a file", hint="give a folder")
    try:
        with fail_after(TIME):
            found = await _list_by_ripgrep(scope)
            if found is None:
                found = await _list_by_python(scope)
    except TimeoutError as error:
        raise KTError(f"the search took longer than {TIME:g} s", hint="search a smaller folder") from error
    lines = [shown(p) for p in found[:MAX_PATHS]]
    if len(found) > MAX_PATHS:
        lines.append(f"[only the first {MAX_PATHS}; narrow the pattern]")
    return Text("\n".join(lines) or f"no file matches {pattern!r}", origin="file")


@tool(effect="read")
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
    scope = _scope(ctx, path, glob)
    query = Query(pattern, ignore_case, context, limit + 1)
    try:
        with fail_after(TIME):
            hits = await _grep_by_ripgrep(scope, query)
            if hits is None:
                hits = await _grep_by_python(scope, query)
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


def _program(ctx: Context[object]) -> str | None:
    """Return the path of rg. One in the working folder does not count: whoever wrote the folder may have put it there."""
    found = shutil.which("rg")
    return None if found is None or Path(found).resolve().is_relative_to(ctx.pwd) else found


async def _ripgrep(scope: Scope, arguments: list[str], take: Callable[[str], bool]) -> ExecResult | None:
    """Run rg until its end, or until `take` has enough; return None where it is not there or was stopped."""
    program = _program(scope.ctx)
    if program is None:
        return None
    above = ["--ignore-file=.gitignore"] if scope.start != "." and not scope.ignore.top else []
    argv = [program, *RG, *above, *arguments, "--", f"./{scope.start}"]
    with CancelScope() as enough:

        def listen(text: str) -> None:
            if take(text):
                enough.cancel()

        return await scope.ctx.exec.run(argv, cwd=scope.ctx.pwd, max_output=0, on_output=listen)
    return None


async def _list_by_ripgrep(scope: Scope) -> list[str] | None:
    """Return the paths that match; None where ripgrep cannot say."""
    found: list[str] = []
    odd = False
    rest = ""

    def take(text: str) -> bool:
        nonlocal rest, odd
        *names, rest = (rest + text).split("\0")
        odd = odd or "\ufffd" in text
        for name in (n.removeprefix("./") for n in names):
            if len(found) <= MAX_PATHS and scope.keeps(name):
                found.append(name)
        return len(found) > MAX_PATHS

    result = await _ripgrep(scope, ["--files", "--null"], take)
    ended = len(found) > MAX_PATHS or (result is not None and result.code in (0, 1))
    return found if ended and not odd else None


async def _grep_by_ripgrep(scope: Scope, query: Query) -> Hits | None:
    """Return what ripgrep finds; None where it is not there, or does not take the pattern."""
    if ONLY_PYTHON.search(query.pattern):
        return None
    hits = Hits(query.limit - 1, scope.keeps)
    case = "--ignore-case" if query.ignore_case else "--case-sensitive"
    limits = f"--max-count={query.limit}", f"--context={query.context}"
    arguments = ["--json", "--crlf", "--encoding=none", case, *limits, f"--regexp={query.pattern}"]
    await _ripgrep(scope, arguments, hits.feed)
    return hits if hits.complete or hits.full else None


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


async def _list_by_python(scope: Scope) -> list[str]:
    found: list[str] = []
    chunks = _chunks(scope)
    while len(found) <= MAX_PATHS and (chunk := await _next(chunks)) is not None:
        found += chunk
    return found


async def _grep_by_python(scope: Scope, query: Query) -> Hits:
    """Search in a Python process of its own, so that a pattern that never ends can be stopped."""
    ctx = scope.ctx
    hits = Hits(query.limit - 1, lambda path: True)
    argv = [sys.executable, "-I", "-S", MATCHER]
    head = json.dumps(asdict(query)).encode() + b"\n"
    batches = _batches(scope)

    def listen(text: str) -> None:
        hits.feed(text)

    while not hits.full and (batch := await _next(batches)) is not None:
        if batch:
            hits.complete = False
            result = await ctx.exec.run(argv, stdin=head + batch, cwd=ctx.pwd, max_output=0, on_output=listen)
            if not hits.complete:
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
