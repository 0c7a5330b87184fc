"""The surface `cli`: what is typed goes to the conversation, what happens in it to the terminal."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from kt import Agent
from kt.errors import MissingPlugin, NotFound
from kt_chat.chat import Chat
from kt_chat.draw import change
from kt_chat.inert import inert, one_line
from kt_chat.items import Call, Item
from kt_chat.paste import Pastes, clipboard_image
from kt_chat.proposed import proposed
from kt_chat.status import footer, permissions_of
from prompt_toolkit.application.run_in_terminal import in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.history import InMemoryHistory

from .clipboard import copied
from .complete import Completions
from .dialog import Dialog
from .draw import Draw
from .keys import bindings
from .remembered import Remembered
from .screen import Rows, Screen, cut
from .view import View

MODES = ("accept-edits", "ask", "plan")
TWICE = 2.0
"""Seconds within which a second Ctrl-C leaves."""


class Surface:
    """Bring keys, screen and conversation together; `begin` is called when the screen takes over."""

    def __init__(self, settings: Any, *, begin: Callable[[], object]) -> None:
        self.settings, self._begin = settings, begin
        self.chat: Chat | None = None
        self.dialog: Dialog | None = None
        self.pastes = Pastes()
        self.queueing = False
        self._early: list[str] = []
        self._stopped_at = float("-inf")
        self._began, self._doing = monotonic(), ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._remarks: list[str] = []
        home = settings.registry.find("config", "home")
        self.screen = Screen(
            keys=bindings(self),
            completions=Completions(lambda: None if self.chat is None or self.chat.is_closed else self.chat.agent),
            history=Remembered(home.load()() / "history", self._remark) if home is not None else InMemoryHistory(),
            above=self._above,
            badges=self._badges,
            dialog=lambda: [] if self.dialog is None else self.dialog.rows(self.screen.width),
            footer=self._footer,
            out=self._out,
            entered=self._entered,
        )
        self.view = View(Draw(width=self.screen.width, colour="NO_COLOR" not in os.environ), self.screen.draw)

    async def run(self) -> int:
        """Talk until the person leaves; print how to go on."""
        chat = Chat(self._build, self._changed)
        self._begin()
        drawing = asyncio.ensure_future(self.screen.run())
        try:
            await self.screen.drawn.wait()
            async with chat:
                self.chat = chat
                self.view.out.insert(0, self._greeting(chat.agent))
                for line in (*self.settings.told, *self._remarks):
                    chat.transcript.note(line, "warning")
                self.screen.draw()
                beating = asyncio.ensure_future(self.screen.beat(lambda: chat.busy))
                for text in self._early:
                    self._start(text)
                leaving = asyncio.ensure_future(chat.left.wait())
                await asyncio.wait([drawing, leaving], return_when=asyncio.FIRST_COMPLETED)
                if drawing.done():
                    drawing.result()
                for task in (beating, leaving, *self._tasks):
                    task.cancel()
                kept = chat.agent.session if chat.agent.history else None
        finally:
            await self._close(drawing)
        sys.stdout.write(self._out())
        if kept is not None:
            print(f"kept as {Path(kept).stem}: kt resume {Path(kept).stem}", file=sys.stderr)
        return 0

    async def _build(self, *, session: str | None = None) -> Agent:
        """Build the agent; for another session the terminal is given back meanwhile, as there may be questions."""
        if session is None:
            agent: Agent = await self.settings.build()
            return agent
        async with in_terminal():
            agent = await self.settings.build(session=session)
            return agent

    async def _close(self, drawing: "asyncio.Task[None]") -> None:
        """Wait for the end of the screen, whatever happens meanwhile: it is what sets the terminal right."""
        self.screen.leave()
        if not self.screen.app.is_running:
            drawing.cancel()
        cancelled: asyncio.CancelledError | None = None
        while not drawing.done():
            try:
                await asyncio.wait([drawing])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _greeting(self, agent: Agent) -> str:
        line = f"{agent.name} on {agent.model} in {agent.pwd}, sandbox {agent.sandbox.level}. /help; Ctrl-D leaves."
        return self.view.draw.lines(inert(line))

    def _remark(self, text: str) -> None:
        if self.chat is None:
            self._remarks.append(text)
        else:
            self.chat.transcript.note(text, "warning")

    # What is shown

    def _changed(self, item: Item) -> None:
        self.view.draw.width = self.screen.width
        self.view.changed(item)
        self._next_question()

    def _next_question(self) -> None:
        """Show the question that is to be answered next, if any."""
        waiting = self.chat.questions if self.chat is not None else []
        if not waiting:
            self.dialog = None
        elif self.chat is not None and (self.dialog is None or self.dialog.question.id != waiting[0].id):
            self.dialog = Dialog(waiting[0], waiting, proposed(self.chat.agent, waiting[0]))
        elif self.dialog is not None:
            self.dialog.waiting = waiting
        self.screen.draw()

    def _out(self) -> str:
        text = "".join(self.view.out)
        self.view.out.clear()
        return text

    def _above(self) -> Rows:
        doing = self.chat.transcript.doing if self.chat is not None else ""
        if bool(doing) != bool(self._doing):
            self._began = monotonic()
        self._doing = doing
        beside = f"down {self.chat.spent.down}" if self.chat is not None and self.chat.spent.down else ""
        return self.view.above(doing if self.dialog is None else "", self._began, beside)

    def _badges(self) -> Rows:
        waiting = self.chat.waiting if self.chat is not None else []
        words = [("joins the turn" if p.steer else "next turn", one_line(p.message.text, 200)) for p in waiting]
        rows = [("class:badge", one_line(f"[{word}] {text}", self.screen.width - 1)) for word, text in words]
        return [*rows, ("class:hint", "up takes the last one back")] if rows else rows

    def _footer(self) -> str:
        if self.chat is None or self.chat.is_closed:
            return "starting ..."
        return cut(footer(self.chat.agent, self.chat.spent, context=self.chat.context), self.screen.width)

    # What keys do

    def _entered(self, buffer: Buffer) -> bool:
        """Take what was typed; return whether the buffer keeps it."""
        if buffer is self.screen.typed:
            self._answer(buffer.text)
            return False
        self._start(buffer.text)
        return False

    def _start(self, text: str) -> None:
        if self.chat is None:
            self._early.append(text)
            return
        later, self.queueing = self.queueing, False
        whole, parts = self.pastes.whole(text)
        self._spawn(self._enter(whole, not later, parts))

    async def _enter(self, text: str, steer: bool, parts: Any) -> None:
        assert self.chat is not None
        await self.chat.enter(text, steer=steer, parts=parts)
        if self.chat.clipboard:
            self.screen.app.output.write_raw(copied(self.chat.clipboard))
            self.screen.app.output.flush()
            self.chat.clipboard = ""
        self.screen.draw()

    def _answer(self, typed: str) -> None:
        if self.dialog is not None and self.chat is not None:
            dialog, answer = self.dialog, self.dialog.answer(typed)
            if answer is not None:
                self.dialog = None
                self._spawn(self._answered(dialog, answer))

    async def _answered(self, dialog: Dialog, answer: str) -> None:
        assert self.chat is not None
        await self.chat.answer(dialog.question, answer)
        self._next_question()

    def escape(self) -> None:
        if self.dialog is not None and self.chat is not None:
            dialog, self.dialog = self.dialog, None
            self.screen.typed.reset()
            self._spawn(self._answered(dialog, dialog.no))
        elif self.screen.prompt.complete_state is not None:
            self.screen.prompt.cancel_completion()
        elif self.chat is not None:
            self.chat.interrupt()

    def control_c(self) -> None:
        """Clear the prompt or interrupt; a second time in two seconds leaves."""
        if monotonic() - self._stopped_at < TWICE:
            self.leave()
            return
        self._stopped_at = monotonic()
        if self.screen.prompt.text:
            self.screen.prompt.reset()
        elif self.chat is None or not self.chat.interrupt():
            self.view.out.append(self.view.draw.lines("Ctrl-C once more leaves"))
        self.screen.draw()

    def leave(self) -> None:
        self.screen.leave()

    def take_back(self) -> bool:
        text = self.chat.take_back() if self.chat is not None else None
        if text is None:
            return False
        self.screen.prompt.text = text
        self.screen.prompt.cursor_position = len(text)
        return True

    def move(self, by: int) -> None:
        if self.dialog is not None:
            self.dialog.move(by)

    def choose(self, number: int) -> bool:
        """Answer with a choice by its number; return whether there is such a one."""
        if self.dialog is None or number > len(self.dialog.question.choices):
            return False
        self._answer(self.dialog.question.choices[number - 1])
        return True

    def next_mode(self) -> None:
        """Go on with the next mode of permissions, but never with one that asks nothing."""
        guard = None if self.chat is None or self.chat.is_closed else permissions_of(self.chat.agent)
        if guard is not None:
            at = MODES.index(guard.mode) if guard.mode in MODES else -1
            guard.choose(MODES[(at + 1) % len(MODES)])
            self.screen.draw()

    def unfold(self) -> None:
        if self.dialog is not None and self.dialog.changes:
            self.view.out.append(self.view.draw.lines(*[
                line for each in self.dialog.changes for line in change(each, self.screen.width, whole=True)
            ]))  # fmt: skip
            self.screen.draw()
        else:
            self.view.unfold()

    def to_background(self) -> None:
        running = [item for item in self.view.live if isinstance(item, Call) and item.state == "running"]
        if self.chat is not None and running:
            with suppress(MissingPlugin, NotFound):
                self.chat.agent.plugin("jobs").promote(running[-1].id)

    def paste_image(self) -> None:
        self._spawn(self._paste_image())

    async def _paste_image(self) -> None:
        media = await asyncio.to_thread(clipboard_image)
        if media is not None:
            self.screen.prompt.insert_text(self.pastes.picture(media))
        else:
            self.view.out.append(self.view.draw.lines("there is no image on the clipboard, or no program to read it"))
        self.screen.draw()

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self.chat is not None:
            self.chat.transcript.note(f"{type(error).__name__}: {error}", "error")
