"""A text over the whole screen, until somebody closes it."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.markup import escape
from textual.screen import ModalScreen
from textual.widgets import Static


class Viewer(ModalScreen[None]):
    """Show a text under a title; esc, q or enter closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "close")]

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="viewer") as pane:
            pane.border_title = escape(self._title)
            pane.border_subtitle = "esc closes"
            yield Static(self._text, markup=False)
