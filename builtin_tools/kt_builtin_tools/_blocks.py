"""The blocks that Markdown is made of: paragraphs, lists, code, quotes and tables, put together from their parts."""

import re
from collections.abc import Iterable, Sequence
from itertools import chain

MAX_COLUMNS = 50


class Block(str):
    """Finished lines, which nothing is to be joined with; an empty one only ends the text before it."""


class Cell(Block):
    """A cell: its text, and what a table must know of it."""

    header: bool
    span: int
    nested: bool


class Row(Block):
    """A row, as text where there is no table around it."""

    cells: Sequence[Cell]


class Table(Block):
    """A table, or what was laid out by one."""


BREAK = Block("")


def blocks_of(parts: Iterable[str]) -> list[str]:
    """Return the paragraphs and finished blocks that parts make up, empty ones left out."""
    found: list[str] = []
    running: list[str] = []
    for part in chain(parts, [BREAK]):
        if not isinstance(part, Block):
            running.append(part)
            continue
        lines = (" ".join(line.split()) for line in "".join(running).split("\n"))
        running = []
        found += [text for text in ("\n".join(line for line in lines if line), part) if text]
    return found


def line_of(parts: Iterable[str]) -> str:
    """Return everything in parts as one line."""
    return " ".join(" ".join(blocks_of(parts)).split())


def has_block(parts: Iterable[str]) -> bool:
    return any(isinstance(part, Block) and part for part in parts)


def code_of(parts: list[str]) -> list[str]:
    """Return code inside of a line; blocks, which can't stand there, as they are."""
    text = line_of(parts)
    if not text or has_block(parts):
        return parts
    return [f"`` {text} ``" if "`" in text else f"`{text}`"]


def fenced(text: str, language: str) -> Block:
    """Return lines of code between fences that are longer than any in it."""
    fence = "`" * (max(map(len, re.findall(r"`{3,}", text)), default=2) + 1)
    return Block(f"{fence}{language}\n{text}\n{fence}")


def item_of(marker: str, parts: Iterable[str]) -> Block:
    """Return one item of a list, its further lines indented."""
    text = "\n".join(blocks_of(parts))
    return Block(f"{marker} " + text.replace("\n", "\n" + " " * (len(marker) + 1)) if text else "")


def quote_of(parts: Iterable[str]) -> Block:
    text = "\n\n".join(blocks_of(parts))
    return Block("\n".join(f"> {line}".rstrip() for line in text.split("\n")) if text else "")


def cell_of(parts: Sequence[str], *, header: bool, span: str) -> Cell:
    """Return a cell; `span` is its colspan as the page has it."""
    cell = Cell("\n\n".join(blocks_of(parts)))
    cell.header, cell.span = header, int(span) if re.fullmatch(r"[0-9]{1,2}", span) else 1
    cell.nested = any(isinstance(part, Table) for part in parts)
    return cell


def row_of(parts: Sequence[str]) -> Row:
    cells = [part for part in parts if isinstance(part, Cell)]
    between = "\n\n" if any("\n" in cell for cell in cells) else " "
    row = Row(between.join(blocks_of(parts)))
    row.cells = cells
    return row


def table_of(parts: Sequence[str]) -> Table:
    """Return a table with pipes; what only lays out a page, in one column or with tables in it, as its content."""
    rows = [part.cells for part in parts if isinstance(part, Row) and part.cells]
    lays_out = all(len(cells) < 2 for cells in rows) or any(cell.nested for cells in rows for cell in cells)
    if lays_out:
        return Table("\n\n".join(blocks_of(parts)))
    lines = [_columns(cells) for cells in rows]
    width = max(len(line) for line in lines)
    head = lines.pop(0) if any(cell.header for cell in rows[0]) else []
    lines = [head + [""] * (width - len(head)), ["---"] * width, *lines]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    around = blocks_of(part for part in parts if not isinstance(part, Row))
    return Table("\n\n".join([*around, drawn]))


def _columns(cells: Sequence[Cell]) -> list[str]:
    """Return the texts of a row, one for each of its columns."""
    line: list[str] = []
    for cell in cells:
        line += [" ".join(cell.split()).replace("|", "\\|")] + [""] * (cell.span - 1)
    return line[:MAX_COLUMNS]
