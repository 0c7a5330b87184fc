"""What a search looks for and where."""

from dataclasses import dataclass

from kt import Context
from kt.errors import KTError

from ._glob import Glob
from ._text import existing
from ._walk import Ignore

MAX_PATHS = 200
MAX_SEARCHED = 50 * 2**20
"""Bytes of the largest file that is searched."""


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


def scope_of(ctx: Context[object], path: str, pattern: str | None) -> Scope:
    """Return the scope of a search. Raises NotFound and KTError."""
    start, info = ctx.files.relative(path), existing(ctx, path)
    if not info.is_dir and info.size > MAX_SEARCHED:
        raise KTError(f"{path!r} is too large", hint="search it with bash")
    return Scope(ctx, start, not info.is_dir, None if pattern is None else Glob(pattern), Ignore(ctx, start))
