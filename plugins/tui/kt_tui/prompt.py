"""The prompt: several lines, what was typed before, and completion in a menu above it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from kt_chat.completing import Candidate
from kt_chat.inert import one_line
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList, TextArea
from textual.widgets.option_list import Option

from .history import History


class Menu(OptionList, can_focus=False):
    """What may follow what was typed; nothing is marked until somebody moves."""

    def __init__(self) -> None:
        super().__init__(id="menu", markup=False, compact=True)
        self.candidates: list[Candidate] = []

    def show(self, candidates: list[Candidate]) -> None:
        """Offer candidates; none of them hides the menu."""
        self.candidates = candidates
        self.clear_options()
        self.add_options(
            Option(Text.assemble(one_line(c.shown, 60), (f"  {one_line(c.help, 70)}", "dim"))) for c in candidates
        )
        self.highlighted = None
        self.display = bool(candidates)

    def chosen(self, *, first: bool = False) -> Candidate | None:
        """Return the marked candidate, with `first` else the first one."""
        if self.highlighted is not None:
            return self.candidates[self.highlighted]
        return self.candidates[0] if first and self.candidates else None


class Prompt(TextArea):
    """Where a message is typed. `take_back` withdraws what waits, and returns it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j,shift+enter", "newline", "new line", show=False),
        Binding("ctrl+d", "leave_or_delete", "leave", show=False),
        Binding("ctrl+n", "cursor_down", "down", show=False),
    ]

    @dataclass
    class Entered(Message):
        """A message is to be sent; `later` means the next turn."""

        text: str
        later: bool = False

    class Left(Message):
        """The person wants to leave."""

    def __init__(
        self, history: History, menu: Menu, take_back: Callable[[], str | None], busy: Callable[[], bool]
    ) -> None:
        super().__init__(id="prompt", show_line_numbers=False, tab_behavior="focus", highlight_cursor_line=False)
        self.past, self.menu, self.take_back, self.busy = history, menu, take_back, busy
        self.placeholder = "a message, /command, !shell, #note, @file"

    @property
    def before_cursor(self) -> str:
        return self.get_text_range((0, 0), self.cursor_location)

    def put(self, text: str) -> None:
        """Make this the text, with the cursor behind it."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    async def on_key(self, event: events.Key) -> None:
        if self.menu.display and event.key in ("up", "down", "tab", "enter", "escape") and self._complete(event.key):
            event.stop()
            event.prevent_default()
        elif event.key in ("enter", "alt+enter"):
            event.stop()
            event.prevent_default()
            self._enter(event.key == "alt+enter")

    def _enter(self, later: bool) -> None:
        if later and not self.busy():
            self.insert("\n")
        elif not later and self.text.endswith("\\") and self.cursor_at_end_of_text:
            self.action_delete_left()
            self.insert("\n")
        elif text := self.text:
            self.post_message(self.Entered(text, later))
            self.past.add(text)
            self.clear()

    def _complete(self, key: str) -> bool:
        """Let a key work in the menu; return False for an Enter that is not meant for it."""
        if key in ("up", "down"):
            self.menu.action_cursor_up() if key == "up" else self.menu.action_cursor_down()
            return True
        candidate = self.menu.chosen(first=key == "tab") if key != "escape" else None
        self.menu.show([])
        if candidate is not None:
            self.take(candidate)
        return candidate is not None or key == "escape"

    def take(self, candidate: Candidate) -> None:
        """Put a candidate in the place of what was typed of it."""
        row, column = self.cursor_location
        self.replace(candidate.text, (row, column - candidate.replaces), (row, column))
        self.menu.show([])

    def action_newline(self) -> None:
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        if select or not self.cursor_at_first_line:
            super().action_cursor_up(select)
            return
        text = None if self.text else self.take_back()
        if text is None:
            text = self.past.back(self.text)
        if text is not None:
            self.put(text)

    def action_cursor_down(self, select: bool = False) -> None:
        if select or not self.cursor_at_last_line:
            super().action_cursor_down(select)
        elif (text := self.past.forth()) is not None:
            self.put(text)

    def action_leave_or_delete(self) -> None:
        if self.text:
            self.action_delete_right()
        else:
            self.post_message(self.Left())
