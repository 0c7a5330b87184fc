"""read, write, edit and tree: files beneath the working folder."""

from collections.abc import Iterator
from itertools import islice

from anyio import to_thread
from kt import Context, FileInfo, Media, Part, Text, ToolNeeds, tool
from kt.errors import KTError, UsageError, Vetoed

from ._edits import Edit, apply, diff
from ._pdf import is_pdf, text_of_pages
from ._seen import must_be_current, remember
from ._text import cut, existing, image_type, is_binary, lines_of, load, printable, shown
from ._walk import Ignore, children

MAX_LINE = 2_000
MAX_SHOWN = 50_000
"""Characters of one result of read."""
MAX_ENTRIES = 100
"""Entries of one folder that tree shows."""
MAX_LINES = 500
MAX_DEPTH = 20


@tool(effect="read", needs=ToolNeeds(reads=("$WS", "@path")))
async def read(ctx: Context[object], path: str, offset: int = 1, limit: int = 2000) -> Part:
    """Read a text file, its lines numbered, an image, or the text of a PDF.

    Args:
        path: Relative to the working folder.
        offset: First line; of a PDF, first page.
        limit: Number of lines, or pages.
    """
    if offset < 1 or limit < 1:
        raise UsageError("offset and limit count from 1")
    data = load(ctx, path)
    if mime := image_type(data):
        remember(ctx, path, data)
        return Media(mime, data=data, name=path, origin="file")
    if is_pdf(data):
        remember(ctx, path, data)
        text = await to_thread.run_sync(text_of_pages, path, data, offset, limit, abandon_on_cancel=True)
        return Text(printable(text), origin="file")
    if is_binary(data):
        raise KTError(f"{path!r} is a binary file", hint="look at it with bash")
    remember(ctx, path, data)
    lines = lines_of(data.decode("utf-8-sig", "replace"))
    if offset > max(1, len(lines)):
        raise UsageError(f"{path!r} has only {len(lines)} lines")
    return Text(_numbered(lines, offset, limit) or "(the file is empty)", origin="file")


def _numbered(lines: list[str], offset: int, limit: int) -> str:
    """Return lines as number, tab, text, and what remains of the file."""
    out: list[str] = []
    size = 0
    for number, line in enumerate(lines[offset - 1 : offset - 1 + limit], offset):
        out.append(f"{number}\t{cut(line, MAX_LINE)}")
        size += len(out[-1])
        if size > MAX_SHOWN:
            break
    last = offset - 1 + len(out)
    if last < len(lines):
        out.append(f"[lines {offset}-{last} of {len(lines)}; go on with offset {last + 1}]")
    return "\n".join(out)


@tool(effect="idempotent", parallel=False, needs=ToolNeeds(writes=("@path",)))
def write(ctx: Context[object], path: str, content: str) -> str:
    """Create a file, or replace the whole of one that you have read. For changes prefer edit."""
    data = content.encode()
    lines = len(lines_of(content))
    if ctx.files.info(path) is None:
        done = f"created {shown(path)} ({lines} lines)"
    else:
        old = load(ctx, path)
        must_be_current(ctx, path, old)
        done = f"updated {shown(path)} ({len(lines_of(old.decode(errors='replace')))} lines before, {lines} now)"
    ctx.files.write(path, data)
    remember(ctx, path, data)
    return done


@tool(effect="once", parallel=False, needs=ToolNeeds(writes=("@path",)))
def edit(
    ctx: Context[object],
    path: str,
    old: str | None = None,
    new: str | None = None,
    replace_all: bool = False,
    edits: list[Edit] | None = None,
) -> Text:
    """Replace exact text in a file that you have read. Give old and new, or edits for several places.

    Args:
        old: Must be in the file exactly once, unless replace_all.
        edits: Done in order, all or none.
    """
    single = [Edit(old, new, replace_all)] if old is not None and new is not None else []
    wanted = edits or single
    if not wanted or (edits and old):
        raise UsageError("give either old and new, or edits")
    data = load(ctx, path)
    if is_binary(data):
        raise KTError(f"{path!r} is a binary file")
    must_be_current(ctx, path, data)
    before = data.decode(errors="surrogateescape")
    after, places = apply(before, wanted)
    written = after.encode(errors="surrogateescape")
    ctx.files.write(path, written)
    remember(ctx, path, written)
    head = f"edited {shown(path)}: {places} place{'s' * (places != 1)}"
    return Text(printable(f"{head}\n{diff(before, after)}"), origin="file")


@tool(effect="read", blocking=True, needs=ToolNeeds(reads=("$WS", "@path")))
def tree(ctx: Context[object], path: str = ".", depth: int = 2) -> Text:
    """List a folder and, down to depth, the folders in it. What .gitignore names is left out."""
    if depth < 1:
        raise UsageError("depth counts from 1")
    start = ctx.files.relative(path)
    if not existing(ctx, path).is_dir:
        raise KTError(f"{path!r} is a file", hint="use read")
    lines = list(islice(_branches(ctx, start, Ignore(ctx, start), min(depth, MAX_DEPTH), ""), MAX_LINES + 1))
    if len(lines) > MAX_LINES:
        lines[-1] = "[... more; list a folder of its own, or less deep]"
    return Text("\n".join(lines) or "(the folder is empty)", origin="file")


def _branches(ctx: Context[object], folder: str, ignore: Ignore, depth: int, indent: str) -> Iterator[str]:
    try:
        entries = children(ctx, folder, ignore)
    except KTError:
        yield indent + "[cannot be read]"
        return
    for entry in entries[:MAX_ENTRIES]:
        yield indent + _label(ctx, entry)
        if entry.is_dir and depth > 1:
            yield from _branches(ctx, entry.path, ignore, depth - 1, indent + "  ")
    if len(entries) > MAX_ENTRIES:
        yield f"{indent}[... {len(entries) - MAX_ENTRIES} more]"


def _label(ctx: Context[object], entry: FileInfo) -> str:
    name = shown(entry.path.rpartition("/")[2])
    if entry.is_dir:
        return name + "/"
    try:
        target = ctx.files.relative(entry.path)
    except Vetoed:
        return f"{name} -> (outside)"
    return name if target == entry.path else f"{name} -> {shown(target)}"
