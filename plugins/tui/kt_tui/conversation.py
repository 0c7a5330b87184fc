"""A conversation as a pane that scrolls: a widget for each item, the newest 500 of them."""

from collections.abc import Iterable

from kt_chat.draw import RUNNING, Drawn, draw, folds
from kt_chat.items import Answer, Call, Item, Worker
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from .growing import Growing

MOST = 500
"""Items that stay on the screen."""


class Entry(Static):
    """One item on the screen; a click unfolds it."""

    def __init__(self, item: Drawn, width: int) -> None:
        super().__init__(markup=False, classes=type(item).__name__.lower())
        self.item, self.whole = item, False
        self.redraw(width)

    @property
    def runs(self) -> bool:
        """Tell whether the item shows a time that goes on."""
        return isinstance(self.item, Call | Worker) and self.item.state in RUNNING

    def redraw(self, width: int) -> None:
        """Show the item as it is now."""
        self.update(draw(self.item, width, whole=self.whole))

    def fold(self, width: int) -> None:
        """Unfold the item, or fold it again."""
        self.whole = not self.whole
        self.redraw(width)

    def on_click(self) -> None:
        if folds(self.item) and not self.screen.get_selected_text():
            self.fold(self.size.width)


class AnswerEntry(Vertical):
    """An answer on the screen, in pieces: those that are finished are not drawn again."""

    runs = False

    def __init__(self, item: Answer, width: int) -> None:
        super().__init__()
        self.item = item
        self._growing = Growing()
        self._shown: list[tuple[Text, Static]] = []
        self.redraw(width)

    def compose(self) -> ComposeResult:
        yield from (piece for _, piece in self._shown)

    def redraw(self, width: int) -> None:
        """Show the answer as it is now."""
        texts = self._growing.draw(self.item.text, width, done=self.item.done)
        while len(self._shown) > len(texts):
            self._shown.pop()[1].remove()
        for at, text in enumerate(texts):
            if at == len(self._shown):
                piece = Static(text, markup=False)
                self._shown.append((text, piece))
                if self.is_mounted:
                    self.mount(piece)
            elif self._shown[at][0] is not text:
                self._shown[at][1].update(text)
                self._shown[at] = text, self._shown[at][1]


class Conversation(VerticalScroll):
    """Show items, and follow the newest until somebody scrolls up."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: dict[Item, Entry | AnswerEntry] = {}

    def on_mount(self) -> None:
        self.anchor()

    def show(self, items: Iterable[Item]) -> None:
        """Bring items up to date, the new ones at the end."""
        new = []
        for item in dict.fromkeys(items):
            if (entry := self._entries.get(item)) is not None:
                entry.redraw(self._width)
            else:
                entry = AnswerEntry(item, self._width) if isinstance(item, Answer) else Entry(item, self._width)
                self._entries[item] = entry
                new.append(entry)
        if new:
            self.mount_all(new[-MOST:])
            self._drop()

    def _drop(self) -> None:
        for item in list(self._entries)[:-MOST]:
            entry = self._entries.pop(item)
            if entry.is_attached:
                entry.remove()

    def beat(self) -> None:
        """Let the times of what runs go on."""
        for entry in self._entries.values():
            if entry.runs:
                entry.redraw(self._width)

    def clear(self) -> None:
        """Empty the pane; what grows comes back at the end."""
        self._entries.clear()
        self.remove_children()

    def unfold(self) -> None:
        """Unfold the newest item that is folded; fold all again where none is."""
        entries = [entry for entry in self._entries.values() if isinstance(entry, Entry) and folds(entry.item)]
        folded = [entry for entry in entries if not entry.whole]
        for entry in folded[-1:] or entries:
            entry.fold(self._width)

    def find(self, item: Item) -> None:
        """Scroll to an item, where it still is on the screen."""
        if (entry := self._entries.get(item)) is not None:
            self.scroll_to_widget(entry, top=True, animate=False)

    def on_resize(self, event: events.Resize) -> None:
        for entry in self._entries.values():
            entry.redraw(self._width)

    @property
    def _width(self) -> int:
        return max(self.scrollable_content_region.width or self.app.size.width, 10)


class Column(Vertical):
    """A conversation under its creature's name."""

    def __init__(self, name: str) -> None:
        super().__init__(classes="column")
        self.title = Static(name, markup=False, classes="title")
        self.conversation = Conversation()

    def compose(self) -> ComposeResult:
        yield self.title
        yield self.conversation
