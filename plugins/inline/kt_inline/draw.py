"""Draw items of a transcript as lines for a terminal, with its own colours and nothing else of its state."""

from collections.abc import Iterable
from io import StringIO
from typing import Any

from kt_chat.changes import Change, Row
from kt_chat.inert import inert, one_line
from kt_chat.items import Answer, Asked, Call, Item, Note, Said, Thought, Worker
from kt_chat.status import seconds

FOLDED, DIFF = 4, 40
"""Lines of a call's output, and of a diff, that are shown until somebody unfolds them."""
MARKS = {"running": "o", "background": "o", "done": "*", "failed": "x", "refused": "x", "cancelled": "-"}
COLOURS = {"running": "cyan", "background": "cyan", "done": "green", "failed": "red", "refused": "red"}
THEME = {"markdown.code": "bold", "markdown.h1": "bold underline", "markdown.h2": "bold underline"}
"""Of rich's own styles those that a light terminal could not show."""
LEVELS = {"info": "", "warning": "yellow", "error": "red"}


class Draw:
    """Make text with escape codes of our own out of items, `width` columns wide.

    Whatever a model or a tool wrote goes through `inert` first.
    """

    def __init__(self, *, width: int, colour: bool) -> None:
        self.width, self.colour = width, colour
        self.rendered = 0
        """Characters of Markdown that were rendered, for the benchmark."""

    def lines(self, *renderables: Any) -> str:
        """Return what rich makes of some renderables."""
        from rich.console import Console
        from rich.theme import Theme

        out = StringIO()
        console = Console(
            file=out,
            theme=Theme(THEME),
            width=max(self.width, 20),
            force_terminal=True,
            color_system="standard" if self.colour else None,
            highlight=False,
            emoji=False,
            markup=False,
            legacy_windows=False,
        )
        for each in renderables:
            console.print(each)
        return out.getvalue()

    def markdown(self, text: str) -> str:
        """Return a block of Markdown as it is to be read, with an empty line before it."""
        from .markdown import Answered

        self.rendered += len(text)
        drawn = [line.rstrip() for line in self.lines(Answered(inert(text))).splitlines()]
        while drawn and not drawn[-1]:
            drawn.pop()
        while drawn and not drawn[0]:
            drawn.pop(0)
        return "\n".join(["", *drawn, ""])

    def item(self, item: Item, *, whole: bool = False) -> str:
        """Return a finished item; `whole` unfolds it."""
        from rich.text import Text

        match item:
            case Said():
                return self.said(item)
            case Answer():
                return self.markdown(item.text)
            case Thought():
                return self.lines(Text(f"~ {one_line(item.text, 4 * self.width)}", style="dim italic"))
            case Call():
                return self.lines(*self.call(item, whole=whole))
            case Worker():
                return self.lines(*self.worker(item))
            case Asked():
                answer = "not answered" if item.answer is None else item.answer
                return self.lines(Text(f"? {one_line(item.question.text, 400)} -> {one_line(answer)}", style="dim"))
            case Note():
                return self.lines(Text(inert(item.text), style=LEVELS[item.level]))

    def said(self, item: Said) -> str:
        from rich.text import Text

        mark = ">" if item.source == "user" else f"({item.source}) >"
        body = inert(item.text).rstrip("\n").replace("\n", "\n  ")
        badge = "  [joined the turn]" if item.steering and item.source == "user" else ""
        return self.lines(Text(f"\n{mark} {body}{badge}", style="bold"))

    def call(self, call: Call, *, whole: bool = False) -> list[Any]:
        """Return a call's line, then what it changed or said."""
        out = [self._head(MARKS[call.state], COLOURS.get(call.state, "yellow"), call.name, call.title, self._end(call))]
        for change in call.changes:
            out += self.change(change, whole=whole)
        if not call.changes or call.state != "done":
            out += self._output(call.output, whole=whole)
        return out

    def _end(self, call: Call) -> str:
        word = "" if call.state in ("done", "running") else f"{call.state} "
        return f"{word}{seconds(call.seconds)}" if call.seconds else word.strip()

    def _head(self, mark: str, colour: str, name: str, title: str, end: str) -> Any:
        from rich.text import Text

        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{mark} ", style=colour)
        line.append(one_line(name, 40), style="bold")
        room = self.width - len(name) - len(end) - 6
        if title and room > 4:
            line.append(f" {one_line(title, room)}")
        line.append(f"  {end}", style="dim")
        return line

    def _output(self, output: str, *, whole: bool) -> Iterable[Any]:
        from rich.text import Text

        shown = inert(output.rstrip("\n")).split("\n") if output.strip() else []
        left = 0 if whole or len(shown) <= FOLDED + 1 else len(shown) - FOLDED
        for line in shown[: len(shown) - left]:
            cut = line if whole or len(line) < self.width - 6 else line[: max(8, self.width - 9)] + "..."
            yield Text(f"  | {cut.expandtabs(4)}", style="dim", overflow="fold")
        if left:
            yield Text(f"  | ... {left} more lines (ctrl-o shows them)", style="dim italic")

    def change(self, change: Change, *, whole: bool = False) -> Iterable[Any]:
        """Yield a file's diff: numbered, coloured, folded."""
        from rich.text import Text

        head = Text(f"  {change.verb} {one_line(change.path, self.width)} ")
        head.append(f"+{change.added} ", style="green")
        head.append(f"-{change.removed}", style="red")
        yield head
        rows = change.rows if whole else change.rows[:DIFF]
        digits = len(str(max((row.number for row in rows), default=0)))
        yield from (self._row(row, digits) for row in rows)
        if left := len(change.rows) - len(rows):
            yield Text(f"  ... {left} more lines (ctrl-o shows them)", style="dim italic")

    def _row(self, row: Row, digits: int) -> Any:
        from rich.text import Text

        if row.mark == "~":
            return Text(f"  {'':>{digits}} ...", style="dim")
        style = {"+": "green", "-": "red", " ": ""}[row.mark]
        text = f"  {row.number:>{digits}} {row.mark} {inert(row.text).expandtabs(4)}"
        return Text(text, style=style, overflow="fold")

    def worker(self, worker: Worker) -> list[Any]:
        """Return a sub-agent's line, then what it said."""
        calls = f"{worker.calls} calls, " if worker.calls else ""
        end = f"{worker.state}, {calls}{seconds(worker.seconds)}"
        colour = COLOURS.get(worker.state, "yellow")
        head = self._head(MARKS[worker.state], colour, f"{worker.name} {worker.id}", worker.prompt, end)
        return [head, *self._output(worker.text, whole=False)]
