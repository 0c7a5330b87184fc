"""What the keys and the palette do."""

import asyncio
import os
import shlex
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from kt import KTError
from kt_chat.inert import one_line
from kt_chat.items import Call
from textual.app import App
from textual.widgets import Input, TextArea
from textual.worker import Worker

from .keys import PANES
from .palette import keys_viewer

if TYPE_CHECKING:
    from .app import Tui

TWICE = 2.0
"""Seconds within which a second Ctrl-C leaves."""
COLOURS = ("ansi-dark", "ansi-light", "textual-dark", "textual-light")


class Actions(App[None]):
    """The actions of the app, which `keys.BINDINGS` and `palette.ACTIONS` name."""

    _stopped_at = float("-inf")

    @property
    def _tui(self) -> "Tui":
        return cast("Tui", self)

    def begin(
        self, work: Callable[[], Coroutine[Any, Any, None]], *, group: str, exclusive: bool = False
    ) -> Worker[None]:
        """Do some work beside the screen's own; `exclusive` ends what its group still does."""
        return self.run_worker(work, group=group, exclusive=exclusive)

    def action_escape(self) -> None:
        """Refuse the question that has the focus, else go back to the prompt, else interrupt."""
        tui = self._tui
        if tui.inbox.display and self.focused is tui.inbox.reply:
            tui.inbox.refuse()
        elif self.focused is not tui.prompt:
            tui.prompt.focus()
        elif not tui.chat.is_closed:
            tui.chat.interrupt()

    def action_stop(self) -> None:
        """Copy what is selected; else clear the prompt or interrupt, and leave the second time."""
        tui, focused = self._tui, self.focused
        selected = self.screen.get_selected_text()
        if not selected and isinstance(focused, Input | TextArea):
            selected = focused.selected_text
        if selected:
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
            return
        if monotonic() - self._stopped_at < TWICE:
            self.exit()
            return
        self._stopped_at = monotonic()
        if isinstance(focused, Input):
            focused.value = ""
        elif tui.prompt.text:
            tui.prompt.clear()
        elif tui.chat.is_closed or not tui.chat.interrupt():
            self.notify("Ctrl-C once more leaves", timeout=TWICE)

    def action_leave(self) -> None:
        self.exit()

    def action_unfold(self) -> None:
        tui = self._tui
        if tui.inbox.display:
            tui.inbox.unfold()
        else:
            tui.talk.conversation.unfold()

    def action_clear(self) -> None:
        self._tui.talk.conversation.clear()

    def action_side(self) -> None:
        home = self.screen_stack[0]
        home.toggle_class("side-open")
        if not home.has_class("side-open"):
            self._tui.prompt.focus()
        self._tui._wake()

    def action_pane(self, name: str) -> None:
        """Show a pane, with the focus in it; a second time hides the panes."""
        tui, home = self._tui, self.screen_stack[0]
        if home.has_class("side-open") and tui.side.active == name and self.focused is not tui.prompt:
            self.action_side()
            return
        home.add_class("side-open")
        tui.side.go(name if name in PANES else PANES[0])
        tui._wake()

    def action_columns(self) -> None:
        """Show the creatures of the team side by side, or one conversation again."""
        tui, home = self._tui, self.screen_stack[0]
        if not home.has_class("side-by-side") and not tui.team.transcripts:
            self.notify("there is no team: kt run RECIPE, or /team add")
            return
        home.toggle_class("side-by-side")
        together = home.has_class("side-by-side")
        tui.talk.title.display = together
        tui.talk.title.update(one_line(tui.chat.agent.name, 60))
        if together:
            tui.show_columns({})
        else:
            for column in tui.columns.values():
                column.remove()
            tui.columns.clear()

    def action_colours(self) -> None:
        at = COLOURS.index(self.theme) if self.theme in COLOURS else -1
        self.theme = COLOURS[(at + 1) % len(COLOURS)]
        self.notify(self.theme, timeout=TWICE)

    def action_keys(self) -> None:
        self.push_screen(keys_viewer())

    def action_to_background(self) -> None:
        """Put the call that runs, the newest of several, into the background."""
        tui = self._tui
        running = [i for i in tui.chat.transcript.items if isinstance(i, Call) and i.state == "running"]
        if running and not tui.chat.is_closed:
            try:
                tui.chat.agent.plugin("jobs").promote(running[-1].id)
            except KTError as error:
                self.complain(error)

    async def stop_job(self, id: str) -> None:
        """Stop a job of the agent."""
        try:
            await self._tui.chat.agent.plugin("jobs").stop(id)
        except KTError as error:
            self.complain(error)

    def complain(self, error: Exception) -> None:
        """Show what went wrong for a while."""
        text = error.line() if isinstance(error, KTError) else str(error)
        self.notify(one_line(text, 400), severity="error", markup=False)

    def action_edit(self) -> None:
        self.begin(self._edit, group="editor", exclusive=True)

    async def _edit(self) -> None:
        """Write the prompt in the person's editor; the agent goes on meanwhile, the screen stands still."""
        prompt = self._tui.prompt
        words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with TemporaryDirectory(prefix="kt-") as folder:
            file = Path(folder) / "prompt.md"
            file.write_text(prompt.text, "utf-8")
            with self.batch_update(), self.suspend():
                failed = await asyncio.to_thread(_ran, [*words, str(file)])  # raising here would lose the screen
            if failed:
                self.complain(failed)
            else:
                prompt.put(file.read_text("utf-8", errors="replace").rstrip("\n"))

    # How it ends

    def _handle_exception(self, error: Exception) -> None:
        self._tui.failure = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Leave without Textual's traceback: it shows the values of variables. The surface raises the error again."""
        self._close_messages_no_wait()


def _ran(words: list[str]) -> Exception | None:
    """Run a program in the terminal, to its end; return why it failed."""
    try:
        subprocess.run(words, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return error
    return None
