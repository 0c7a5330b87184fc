"""notebook_read and notebook_edit: the cells of Jupyter notebooks."""

from secrets import token_hex
from typing import Literal

from kt import Context, Part, Text, ToolNeeds, tool
from kt.errors import UsageError

from ._edits import diff
from ._json_pointer import Json
from ._json_text import Document
from ._notebook import Page, has_ids, joined, notebook_of
from ._seen import must_be_current, remember
from ._text import load, printable, shown

MAX_CELL = 4_000
"""Characters of a cell's source, and of its outputs, among others."""
MAX_SHOWN = 50_000


@tool(effect="read", needs=ToolNeeds(reads=("$WS", "@path")))
def notebook_read(ctx: Context[object], path: str, cell: int | None = None) -> list[Part]:
    """Read a Jupyter notebook, its cells numbered, with their outputs.

    Args:
        cell: Only this one.
    """
    data = load(ctx, path)
    cells = notebook_of(path, data)["cells"]
    remember(ctx, path, data)
    if cell is not None:
        _check(cell, len(cells))
        page = Page(MAX_SHOWN)
        page.show(cell, cells[cell - 1])
        return page.parts
    page = Page(MAX_CELL)
    for number, one in enumerate(cells, 1):
        if page.size > MAX_SHOWN:
            page.lines.append(f"[cells 1-{number - 1} of {len(cells)}; read the others one by one]")
            break
        page.show(number, one)
    return page.parts if cells else [Text("(no cells)", origin="file")]


def _check(cell: int, count: int) -> None:
    if not 1 <= cell <= count:
        raise UsageError(f"there is no cell {cell}", hint=f"cells count from 1 to {count}" if count else "")


@tool(effect="once", parallel=False, needs=ToolNeeds(writes=("@path",)))
def notebook_edit(
    ctx: Context[object],
    path: str,
    cell: int,
    source: str | None = None,
    kind: Literal["code", "markdown"] | None = None,
    action: Literal["replace", "insert", "delete"] = "replace",
) -> Text:
    """Replace, insert or delete a cell of a notebook that you have read. Replaced code loses its outputs.

    Args:
        cell: Its number; an inserted cell gets it, and those from there on move.
        kind: Left out, a replaced cell keeps its own, and an inserted one is code.
    """
    data = load(ctx, path)
    notebook = notebook_of(path, data)
    must_be_current(ctx, path, data)
    cells = notebook["cells"]
    _check(cell, len(cells) + (action == "insert"))
    if (source is None) is not (action == "delete"):
        raise UsageError("give source, but not to delete")
    document = Document(data.decode())
    at = ["cells", str(cell - 1)]
    old = "" if action == "insert" else joined(cells[cell - 1].get("source"))
    if action == "delete":
        document.drop(at)
    elif action == "insert":
        _set(document, at, _made(notebook, kind or "code", str(source)))
    else:
        _replace(document, at, notebook, str(source), kind)
    written = document.text.encode()
    ctx.files.write(path, written)
    remember(ctx, path, written)
    done = {"replace": "replaced", "insert": "inserted", "delete": "deleted"}[action]
    head = f"{done} cell {cell} of {shown(path)}"
    return Text(printable(f"{head}\n{diff(old, source or '')}".rstrip("\n")), origin="file")


def _replace(document: Document, at: list[str], notebook: Json, source: str, kind: str | None) -> None:
    """Replace a cell's source; with another kind, the whole cell but its id and metadata."""
    old = notebook["cells"][int(at[-1])]
    made = _made(notebook, kind or old["cell_type"], source)
    if made["cell_type"] != old["cell_type"]:
        kept = {name: old[name] for name in ("id", "metadata") if name in old}
        document.replace(at, document.style.dump(made | kept, len(at)))
        return
    for name in ("id", "execution_count", "outputs", "source"):
        if name in made and not (name == "id" and name in old):
            _set(document, [*at, name], made[name])


def _set(document: Document, at: list[str], value: Json) -> None:
    document.add(at, document.style.dump(value, len(at)))


def _made(notebook: Json, kind: str, source: str) -> dict[str, Json]:
    """Return a new cell, its members in the order that Jupyter writes."""
    cell: dict[str, Json] = {"cell_type": kind}
    if kind == "code":
        cell["execution_count"] = None
    if has_ids(notebook):
        taken = {cell.get("id") for cell in notebook["cells"]}
        cell["id"] = next(id for id in iter(lambda: token_hex(4), "") if id not in taken)
    cell["metadata"] = {}
    if kind == "code":
        cell["outputs"] = []
    return cell | {"source": source.splitlines(keepends=True)}
