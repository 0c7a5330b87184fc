"""Draw items of a transcript as text of a width, with the terminal's own colours. Nothing in it is markup."""

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeAlias

from rich.text import Text

from .changes import Change, Row
from .inert import inert, one_line
from .items import Asked, Call, Note, Said, State, Thought, Worker
from .status import seconds

FOLDED, DIFF = 4, 40
"""Lines of a call's output, and of a diff, that are shown until somebody unfolds them."""
RUNNING = ("running", "background")
MARKS: dict[State, str] = {
    "running": "o", "background": "o", "done": "*", "failed": "x", "refused": "x", "cancelled": "-",
}  # fmt: skip
COLOURS: dict[State, str] = {
    "running": "cyan", "background": "cyan", "done": "green", "failed": "red", "refused": "red", "cancelled": "yellow",
}  # fmt: skip
LEVELS = {"info": "", "warning": "yellow", "error": "red"}
Drawn: TypeAlias = Said | Thought | Call | Worker | Asked | Note


def draw(item: Drawn, width: int, *, whole: bool = False) -> Text:
    """Return an item as lines of at most `width` columns, or that wrap there; `whole` unfolds it."""
    match item:
        case Said():
            return _said(item)
        case Thought():
            return Text(one_line(f"~ {item.text if item.done else item.text[-8 * width :]}", 4 * width), "dim italic")
        case Call():
            return _joined(_call(item, width, whole))
        case Worker():
            return _joined(_worker(item, width, whole))
        case Asked():
            answer = "waits for an answer" if item.answer is None else item.answer
            return Text(f"? {one_line(item.question.text, 400)} -> {one_line(answer)}", "dim")
        case Note():
            return Text("  " + inert(item.text).replace("\n", "\n  "), LEVELS[item.level])


def folds(item: object) -> bool:
    """Tell whether an item shows less than there is until it is unfolded."""
    if isinstance(item, Worker):
        return item.text.count("\n") > FOLDED
    if not isinstance(item, Call) or item.state in RUNNING:
        return False
    long = any(len(line) > 200 for line in item.output.splitlines())
    return long or item.output.count("\n") > FOLDED or any(len(c.rows) > DIFF for c in item.changes)


def change(found: Change, width: int, *, whole: bool = False) -> Iterator[Text]:
    """Yield the lines of a file's diff: what became of it, then numbered rows."""
    yield Text.assemble(
        f"  {found.verb} {one_line(found.path, max(width - 20, 12))} ",
        (f"+{found.added} ", "green"),
        (f"-{found.removed}", "red"),
    )
    rows = found.rows if whole else found.rows[:DIFF]
    digits = len(str(max((row.number for row in rows), default=0)))
    yield from (_row(row, digits) for row in rows)
    if left := len(found.rows) - len(rows):
        yield Text(f"  ... {left} more lines (ctrl-o shows them)", "dim italic")


def _said(item: Said) -> Text:
    mark = ">" if item.source == "user" else f"({one_line(item.source, 40)}) >"
    body = inert(item.text).rstrip("\n").replace("\n", "\n  ")
    badge = "  [joined the turn]" if item.steering and item.source == "user" else ""
    return Text(f"{mark} {body}{badge}", "bold")


def _call(call: Call, width: int, whole: bool) -> Iterator[Text]:
    yield _head(call.state, call.name, call.title, _end(call), width)
    for each in call.changes:
        yield from change(each, width, whole=whole)
    if call.state in RUNNING:
        if last := call.output.rstrip().rpartition("\n")[2]:
            yield Text(f"  | {one_line(last[-8 * width :], max(width - 5, 8))}", "dim")
    elif not call.changes or call.state != "done":
        yield from _output(call.output, width, whole)


def _end(call: Call) -> str:
    part = f" {100 * call.fraction:.0f}%" if call.fraction is not None else ""
    taken = monotonic() - call.began if call.state in RUNNING and call.began else call.seconds
    word = "" if call.state in ("done", "running") else f"{call.state} "
    return f"{word}{seconds(taken) if taken else ''}{part}".strip()


def _worker(worker: Worker, width: int, whole: bool) -> Iterator[Text]:
    taken = monotonic() - worker.began if worker.state in RUNNING else worker.seconds
    calls = f"{worker.calls} calls, " if worker.calls else ""
    end = f"{worker.state}, {calls}{seconds(taken)}"
    yield _head(worker.state, f"{worker.name} {worker.id}", worker.prompt, end, width)
    if worker.doing:
        yield Text(f"  | {one_line(worker.doing, max(width - 5, 8))}", "dim")
    yield from _output(worker.text, width, whole)


def _head(state: State, name: str, title: str, end: str, width: int) -> Text:
    name = one_line(name, 40)
    line = Text.assemble((f"{MARKS[state]} ", COLOURS[state]), (name, "bold"))
    room = width - len(name) - len(end) - 6
    if title and room > 4:
        line.append(f" {one_line(title, room)}")
    return line.append(f"  {end}", "dim")


def _output(output: str, width: int, whole: bool) -> Iterator[Text]:
    shown = inert(output.rstrip("\n")).split("\n") if output.strip() else []
    left = 0 if whole or len(shown) <= FOLDED + 1 else len(shown) - FOLDED
    for line in shown[: len(shown) - left]:
        flat = line.expandtabs(4)
        cut = flat if whole or len(flat) < width - 5 else flat[: max(8, width - 8)] + "..."
        yield Text(f"  | {cut}", "dim")
    if left:
        yield Text(f"  | ... {left} more lines (ctrl-o shows them)", "dim italic")


def _row(row: Row, digits: int) -> Text:
    if row.mark == "~":
        return Text(f"  {'':>{digits}} ...", "dim")
    style = {"+": "green", "-": "red", " ": ""}[row.mark]
    return Text(f"  {row.number:>{digits}} {row.mark} {inert(row.text).expandtabs(4)}", style)


def _joined(lines: Iterable[Text]) -> Text:
    return Text("\n").join(lines)
