"""Search by ripgrep, where it is installed."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from anyio import CancelScope
from kt import Context, ExecResult
from kt.errors import NotFound

from ._hits import Hits
from ._query import MAX_PATHS, MAX_SEARCHED, Query, Scope

RG = [
    *("--no-config", "--no-messages", "--sort=path", "--hidden", "--glob=!.git", "--no-require-git"),
    *("--no-ignore-parent", "--no-ignore-dot", "--no-ignore-exclude", "--no-ignore-global"),
    f"--max-filesize={MAX_SEARCHED}",
]
ONLY_PYTHON = re.compile(r"\\[<>]|\\b\{")
"""What ripgrep takes for something else than Python does."""


def _program(ctx: Context[object]) -> str | None:
    """Return the path of rg; one in the working folder may be anybody's and does not count."""
    found = shutil.which("rg")
    if found is None:
        return None
    ours = any(place.resolve().is_relative_to(ctx.pwd) for place in (Path(found), Path(found).parent))
    return None if ours else found


async def _run(scope: Scope, arguments: list[str], take: Callable[[str], bool]) -> ExecResult | None:
    """Run rg until its end, or until `take` has enough; return None where it is not there or was stopped."""
    program = _program(scope.ctx)
    if program is None:
        return None
    above = ["--ignore-file=.gitignore"] if scope.start != "." and not scope.ignore.top else []
    argv = [program, *RG, *above, *arguments, "--", "./" if scope.start == "." else f"./{scope.start}"]
    with CancelScope() as enough:

        def listen(text: str) -> None:
            if take(text):
                enough.cancel()

        try:
            return await scope.ctx.exec.run(argv, cwd=scope.ctx.pwd, max_output=0, on_output=listen)
        except NotFound:
            return None  # it is here, but not inside the sandbox
    return None


async def list_paths(scope: Scope) -> list[str] | None:
    """Return the paths that count, as _pysearch does; None where ripgrep cannot say."""
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

    result = await _run(scope, ["--files", "--null"], take)
    ended = len(found) > MAX_PATHS or (result is not None and result.code in (0, 1))
    return found if ended and not odd else None


async def search(scope: Scope, query: Query) -> Hits | None:
    """Return what ripgrep finds; None where it is not there, or does not take the pattern."""
    if ONLY_PYTHON.search(query.pattern):
        return None
    hits = Hits(query.limit - 1, scope.keeps)
    case = "--ignore-case" if query.ignore_case else "--case-sensitive"
    limits = f"--max-count={query.limit}", f"--context={query.context}"
    arguments = ["--json", "--crlf", "--encoding=none", case, *limits, f"--regexp={query.pattern}"]
    await _run(scope, arguments, hits.feed)
    return hits if hits.complete or hits.full else None
