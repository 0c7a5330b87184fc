"""What of a transcript is finished, and goes to the scrollback, and what still lives above the prompt."""

from collections.abc import Callable
from time import monotonic

from kt_chat.draw import RUNNING
from kt_chat.inert import inert, one_line
from kt_chat.items import Answer, Asked, Call, Item, Thought, Worker
from kt_chat.status import seconds

from .blocks import Blocks
from .draw import Draw

SPIN = "|/-\\"
TAIL = 6
"""Lines of an answer that is not finished."""


class View:
    """Take items as they come and grow.

    `out` is what the scrollback gets next; `live` what is redrawn above the prompt;
    `folded` are the calls that ended with more than was shown, the newest last.
    """

    def __init__(self, draw: Draw, wants_drawing: Callable[[], None]) -> None:
        self.draw, self._wants_drawing = draw, wants_drawing
        self.out: list[str] = []
        self.live: list[Call | Worker] = []
        self.folded: list[Call] = []
        self._answer: Answer | None = None
        self._blocks, self._taken, self._restarts = Blocks(), "", 0

    def changed(self, item: Item) -> None:
        """Take in an item that is new or grew."""
        match item:
            case Answer():
                self._grow(item)
            case Call() | Worker():
                self._run(item)
            case Thought():
                if item.done:
                    self.out.append(self.draw.item(item))
            case Asked():
                if item.answer is not None:
                    self.out.append(self.draw.item(item))
            case _:
                self.out.append(self.draw.item(item))
        self._wants_drawing()

    def _run(self, item: Call | Worker) -> None:
        if item.state in RUNNING:
            if item not in self.live:
                self.live.append(item)
            return
        if item in self.live:
            self.live.remove(item)
        self.out.append(self.draw.item(item))
        if isinstance(item, Call):
            self.folded = [*self.folded[-99:], item]

    def _grow(self, answer: Answer) -> None:
        """Take the blocks of an answer that are finished; one that starts over is said to."""
        if answer is not self._answer:
            self._answer, self._blocks, self._taken, self._restarts = answer, Blocks(), "", 0
        if not answer.text.startswith(self._taken) or answer.restarts > self._restarts:
            if self._taken.strip():
                self.out.append(self.draw.lines("(the model starts its answer again)"))
            self._blocks, self._taken, self._restarts = Blocks(), "", answer.restarts
        done = self._blocks.feed(answer.text[len(self._taken) :])
        self._taken = answer.text
        done += self._blocks.end() if answer.done else []
        self.out += [self.draw.markdown(block) for block in done]

    def unfold(self) -> None:
        """Put the whole of the newest folded call into the scrollback; the next time the one before it."""
        if self.folded:
            self.out.append(self.draw.item(self.folded.pop(), whole=True))
            self._wants_drawing()

    def above(self, doing: str, began: float, beside: str) -> list[tuple[str, str]]:
        """Return the styled lines above the prompt: the end of an answer, what runs, what the agent does."""
        rows: list[tuple[str, str]] = []
        width = self.draw.width
        if self._answer is not None and not self._answer.done and self._blocks.rest.strip():
            lines = [part for line in inert(self._blocks.rest).splitlines() for part in _folded(line, width)]
            rows += [("", line) for line in lines[-TAIL:]]
        spin = SPIN[int(monotonic() * 8) % len(SPIN)]
        for item in self.live:
            rows.append(("class:live", one_line(f"{spin} {_running(item)}", width - 1)))
        if doing:
            text = f"{spin} {doing} {seconds(monotonic() - began)}  {beside}  esc interrupts"
            rows.append(("class:doing", one_line(text, width - 1)))
        return rows


def _running(item: Call | Worker) -> str:
    taken = seconds(monotonic() - item.began)
    if isinstance(item, Worker):
        return f"{item.name} {item.id} {taken} {item.calls} calls  {item.doing}"
    part = f" {100 * item.fraction:.0f}%" if item.fraction is not None else ""
    last = item.output.rstrip().rpartition("\n")[2][-200:]
    where = " (background)" if item.state == "background" else ""
    return f"{item.name} {item.title} {taken}{part}{where}" + (f"  {last}" if last else "")


def _folded(line: str, width: int) -> list[str]:
    return [line[at : at + width - 1] for at in range(0, len(line), max(1, width - 1))] or [""]
