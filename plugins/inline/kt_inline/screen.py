"""The lower end of the terminal: what lives, the prompt or a question, and the footer; all else is scrollback."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_chat.inert import one_line
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import ThreadedCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.layout import ConditionalContainer, Float, FloatContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.styles import Style

from .complete import Completions

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings

EVERY = 0.04
"""Seconds between two writes to the scrollback."""
BEAT = 0.25
"""Seconds between two drawings of a spinner."""
STYLE = Style.from_dict({
    "prompt": "bold",
    "footer": "fg:ansibrightblack",
    "hint": "fg:ansibrightblack",
    "live": "fg:ansicyan",
    "doing": "fg:ansicyan",
    "badge": "fg:ansiyellow",
    "question": "bold",
    "chosen": "bold fg:ansicyan",
    "added": "fg:ansigreen",
    "removed": "fg:ansired",
    "completion-menu": "noinherit",
    "completion-menu.completion": "fg:ansidefault bg:ansidefault",
    "completion-menu.completion.current": "reverse",
    "completion-menu.meta.completion": "fg:ansibrightblack bg:ansidefault",
    "completion-menu.meta.completion.current": "reverse",
})  # fmt: skip

Rows = list[tuple[str, str]]


class Screen:
    """Own the terminal while the conversation lasts.

    `above`, `badges`, `dialog` and `footer` give the styled lines of their places; `out` gives, and forgets, what the
    scrollback gets next. `drawn` is set once it is on the screen, or has ended.
    """

    def __init__(
        self,
        *,
        keys: "KeyBindings",
        completions: Completions,
        history: History,
        above: Callable[[], Rows],
        badges: Callable[[], Rows],
        dialog: Callable[[], Rows],
        footer: Callable[[], str],
        out: Callable[[], str],
        entered: Callable[[Buffer], bool],
    ) -> None:
        self._out = out
        self._due: asyncio.TimerHandle | None = None
        self._written = 0.0
        self.prompt = Buffer(
            completer=ThreadedCompleter(completions),
            complete_while_typing=True,
            history=history,
            multiline=True,
            accept_handler=entered,
            enable_history_search=False,
            tempfile_suffix=".md",
        )
        self.typed = Buffer(multiline=False, accept_handler=entered)
        self._asking = Condition(lambda: bool(dialog()))
        self._line, self._reason = self._windows()
        body = HSplit([
            _rows(above),
            ConditionalContainer(_rows(dialog), self._asking),
            ConditionalContainer(self._reason, self._asking),
            ConditionalContainer(_rows(badges), ~self._asking),
            ConditionalContainer(self._line, ~self._asking),
            Window(FormattedTextControl(lambda: [("class:footer", footer())]), height=1),
        ])  # fmt: skip
        self.app = _application(body, self._line, keys)
        self.drawn = asyncio.Event()
        self.app.after_render += lambda _: self.drawn.set()

    def _windows(self) -> tuple[Window, Window]:
        """Return where a message is typed, and where an answer is."""
        line = Window(
            BufferControl(self.prompt, input_processors=[BeforeInput("> ", style="class:prompt")]),
            height=Dimension(min=1, max=12),
            wrap_lines=True,
            dont_extend_height=True,
        )
        reason = Window(BufferControl(self.typed, input_processors=[BeforeInput("? ", style="class:prompt")]), height=1)
        return line, reason

    async def run(self) -> None:
        """Draw and take keys until the application is told to exit."""
        try:
            await self.app.run_async(handle_sigint=False, set_exception_handler=False)
        finally:
            self.drawn.set()

    def leave(self) -> None:
        """Tell the application to exit, if it does not already."""
        if self.app.is_running and not self.app.is_done:
            self.app.exit()

    @property
    def width(self) -> int:
        return self.app.output.get_size().columns

    def draw(self) -> None:
        """Draw again soon, and write what is there for the scrollback."""
        self._focus()
        self.app.invalidate()
        if self._due is None and self.app.is_running:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._written + EVERY), self._write)

    def _focus(self) -> None:
        wanted = self._reason if self._asking() else self._line
        if self.app.layout.current_window is not wanted:
            self.app.layout.focus(wanted)

    def _write(self) -> None:
        """Write what is there for the scrollback, above everything that is drawn.

        The terminal stays in raw mode: in any other a key that is pressed just then would mean something else.
        """
        self._due = None
        self._written = asyncio.get_running_loop().time()
        if self.app.is_running and (text := self._out()):
            self.app.renderer.erase()
            self.app.output.write_raw(text)
            self.app.output.flush()
            self.app.renderer.reset()
            self.app.renderer.request_absolute_cursor_position()
            self.app.invalidate()

    async def beat(self, busy: Callable[[], bool]) -> None:
        """Keep a spinner turning while there is something to wait for."""
        was = False
        while True:
            await asyncio.sleep(BEAT)
            if was or busy():
                self.app.invalidate()  # once more at the end, so that no spinner stays
            was = busy()


def _application(body: HSplit, line: Window, keys: "KeyBindings") -> Application[None]:
    menu = Float(xcursor=True, ycursor=True, content=CompletionsMenu(max_height=8, scroll_offset=1))
    app: Application[None] = Application(
        layout=Layout(FloatContainer(body, [menu]), focused_element=line),
        key_bindings=keys,
        style=STYLE,
        erase_when_done=True,
        refresh_interval=None,
        enable_page_navigation_bindings=False,
    )
    app.ttimeoutlen, app.timeoutlen = 0.05, 0.3
    app.renderer.cpr_not_supported_callback = None  # its warning is for who wrote the terminal
    return app


def _rows(lines: Callable[[], Rows]) -> Any:
    """Return a part of the screen that is as high as its lines, and not there without any."""

    def text() -> StyleAndTextTuples:
        joined: StyleAndTextTuples = []
        for style, line in lines():
            joined += [("", "\n"), (style, line)]
        return joined[1:]

    window = Window(FormattedTextControl(text), dont_extend_height=True, wrap_lines=False)
    return ConditionalContainer(window, Condition(lambda: bool(lines())))


def cut(parts: list[str], width: int) -> str:
    """Return as many parts on one line as fit, the first in any case."""
    line = parts[0]
    for part in parts[1:]:
        if len(line) + len(part) + 3 > width - 1:
            break
        line += f" | {part}"
    return one_line(line, max(width - 1, 10))
