"""Patterns of paths: `*` within a name, `**` for any folders, `?`, `[...]`."""

import re
from pathlib import PurePosixPath

from kt.errors import DataError

_MAGIC = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def compiled(pattern: str) -> tuple[str, re.Pattern[str]]:
    """Return (the folder or file where to look, what matches) of a pattern of paths with / between names.

    A folder's name stands for all that is below it. Raises DataError for a pattern that leaves the working folder.
    """
    path = PurePosixPath(pattern)
    if not pattern.strip() or path.is_absolute() or ".." in path.parts:
        raise DataError(f"paths: {pattern!r} is no path below the working folder", hint="write it like src/**/*.py")
    plain = next((at for at, part in enumerate(path.parts) if _MAGIC.search(part)), len(path.parts))
    whole = plain == len(path.parts)
    source = "".join(map(_token, _TOKEN.findall(str(path))))
    if whole:
        source = r".+" if str(path) == "." else rf"{source}(?:/.+)?"
    try:
        return str(PurePosixPath(*path.parts[:plain])), re.compile(source, re.DOTALL)
    except re.error:
        raise DataError(f"paths: {pattern!r} can't be read") from None


def _token(token: str) -> str:
    match token:
        case "**/":
            return r"(?:[^/]+/)*"
        case "**":
            return r".*"
        case "*":
            return r"[^/]*"
        case "?":
            return r"[^/]"
    if token.startswith("[") and len(token) > 1:
        inner = token[1:-1].replace("\\", r"\\").replace("[", r"\[")
        return f"(?!/)[^{inner[1:]}]" if inner.startswith("!") else f"(?!/)[{inner}]"
    return re.escape(token)
