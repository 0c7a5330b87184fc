"""What tools share about text: what is binary, how lines are counted, how odd names are written."""

import json

from kt import Context, FileInfo
from kt.errors import KTError, NotFound, nearest

MAX_FILE = 5_000_000
"""Bytes of the largest file that is read or edited as a whole."""

IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


def image_type(data: bytes) -> str | None:
    """Return the MIME type of an image that models take, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for magic, mime in IMAGES.items() if data.startswith(magic)), None)


def is_binary(data: bytes) -> bool:
    return b"\0" in data[:8192]


def lines_of(text: str) -> list[str]:
    """Return the lines as editors count them, without their ends; a final newline begins no line."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def cut(line: str, limit: int) -> str:
    """Return a line, its rest replaced by a remark beyond `limit` characters."""
    return line if len(line) <= limit else f"{line[:limit]} [... {len(line) - limit:,} more characters]"


def shown(path: str) -> str:
    """Return a path as it is, or as a JSON string where it has line breaks, control characters or broken UTF-8."""
    return path if path.isprintable() and path == path.strip() else json.dumps(path)


def printable(text: str) -> str:
    """Return text that every wire can carry, with what was no UTF-8 replaced."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def existing(ctx: Context[object], path: str) -> FileInfo:
    """Return what is known of a path. Raises NotFound with similar names."""
    info = ctx.files.info(path)
    if info is None:
        raise NotFound(f"{path!r} does not exist", hint=_similar(ctx, path))
    return info


def load(ctx: Context[object], path: str) -> bytes:
    """Return the whole of a file. Raises NotFound, and KTError for a folder or a huge file."""
    info = existing(ctx, path)
    if info.is_dir:
        raise KTError(f"{path!r} is a folder", hint="list it with tree")
    data = ctx.files.read(path, limit=MAX_FILE + 1)
    if len(data) > MAX_FILE:
        size = f"{info.size / 1e6:,.0f} MB"
        raise KTError(f"{path!r} is too large ({size})", hint="search it with grep, or take a part of it with bash")
    return data


def _similar(ctx: Context[object], path: str) -> str:
    folder, _, name = ctx.files.relative(path).rpartition("/")
    above = ctx.files.info(folder)
    if above is None or not above.is_dir:
        return f"there is no folder {folder!r} either"
    return nearest(name, [shown(i.path.rpartition("/")[2]) for i in ctx.files.listing(folder)])
