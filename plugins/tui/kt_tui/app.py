"""The screen: what happens in the conversation is shown, what is typed goes to it."""

import asyncio
import os
import time
from functools import partial
from time import monotonic
from typing import Any, ClassVar

from kt import Agent
from kt.events import Event
from kt_chat.chat import Chat
from kt_chat.completing import Completing
from kt_chat.inert import one_line
from kt_chat.items import Item
from kt_chat.status import footer, seconds
from kt_chat.transcript import Transcript
from textual import events, on
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.widgets import OptionList, Static, TabbedContent, TextArea

from .actions import Actions
from .conversation import Column
from .history import History
from .inbox import Inbox
from .keys import BINDINGS
from .palette import Commands
from .prompt import Menu, Prompt
from .side import Jobs, Side
from .team import Team

EVERY = 0.08
"""Seconds between two drawings of what grows."""
BEAT = 0.25
WIDE, HIGH = 90, 20
"""Columns from which on the panes stand beside the conversation, and rows from which on there is room for hints."""
SPIN = "|/-\\"


class Tui(Actions, App[None]):
    """Bring keys, screen and conversation together. `failure` is what ended it, None for a person."""

    CSS_PATH = "tui.tcss"
    COMMANDS: ClassVar = {Commands}
    BINDINGS: ClassVar = BINDINGS
    TITLE = "kt"

    def __init__(self, settings: Any) -> None:
        # Without this Textual paints greys in spite of NO_COLOR.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.theme = "ansi-dark"
        home = settings.registry.find("config", "home")
        self.settings = settings
        self.chat = Chat(self._build, self._changed)
        self.team = Team("", self._member_changed)
        self.failure: Exception | None = None
        self.completing = Completing()
        self.columns: dict[str, Column] = {}
        self.talk = Column("")
        self.side = Side()
        self.inbox = Inbox()
        self.menu = Menu()
        self.doing = Static(id="doing", markup=False)
        self.badges = Static(id="badges", markup=False)
        self.status = Static("starting ...", id="footer", markup=False)
        history = History(home.load()() / "history" if home is not None else None)
        self.prompt = Prompt(history, self.menu, self._take_back, lambda: not self.chat.is_closed and self.chat.busy)
        self._grown: dict[str, dict[Item, None]] = {}
        self._fresh, self._first = True, 0
        self._due: asyncio.TimerHandle | None = None
        self._began = monotonic()

    def compose(self) -> ComposeResult:
        with Horizontal(id="main"):
            with Horizontal(id="columns"):
                yield self.talk
            yield self.side
        yield from (self.doing, self.inbox, self.badges, self.menu, self.prompt, self.status)

    def on_mount(self) -> None:
        self.talk.title.display = False
        self.prompt.focus()
        self.set_interval(BEAT, self._beat)
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        wide = event.size.width >= WIDE
        if wide == self.screen.has_class("narrow") or not self.screen.has_class("sized"):
            self.screen.set_class(wide, "side-open")
        self.screen.add_class("sized")
        self.screen.set_class(not wide, "narrow")
        self.screen.set_class(event.size.height < HIGH, "short")

    # What happens

    async def _build(self, **options: Any) -> Agent:
        """Build the agent of the settings, and listen to it."""
        agent: Agent = await self.settings.build(**options)
        self.team = Team(agent.name, self._member_changed)
        self._grown.clear()
        self._fresh, self._first = True, len(self.chat.transcript.items)
        agent.bus.on(Event, self._heard)
        return agent

    def _changed(self, item: Item) -> None:
        self._grown.setdefault("", {})[item] = None
        self._wake()

    def _member_changed(self, creature: str, item: Item) -> None:
        self._grown.setdefault(creature, {})[item] = None
        self._wake()

    def _heard(self, event: Event) -> None:
        self.side.events.heard(event, time.time())
        self.team.feed(event)
        self._wake()

    def _wake(self) -> None:
        """Draw soon what has changed."""
        if self._due is None and self.is_running:
            self._due = asyncio.get_running_loop().call_later(EVERY, self._draw)

    def _draw(self) -> None:
        self._due = None
        if self.is_running:
            self.call_later(self._show)

    # What is shown

    @property
    def transcripts(self) -> dict[str, Transcript]:
        """Return the transcripts of the agent and of its team's creatures, by name."""
        return {self.chat.agent.name: self.chat.transcript, **self.team.transcripts}

    def _show(self) -> None:
        """Show what has changed since the last time."""
        if self.chat.is_closed or not self.screen_stack:
            return
        if self._fresh:
            self._fresh = False
            self.talk.conversation.clear()
            self.team.meet(self.chat.agent)
            self._grown[""] = dict.fromkeys(self.chat.transcript.items[self._first :])
        grown, self._grown = self._grown, {}
        self.talk.conversation.show(grown.get("", ()))
        self.show_columns(grown)
        self._show_questions()
        self._show_state()

    def show_columns(self, grown: dict[str, dict[Item, None]]) -> None:
        """Bring the columns of the team's creatures up to date, while they are shown."""
        if not self.screen_stack[0].has_class("side-by-side"):
            return
        known = self.team.transcripts
        for name in [name for name in self.columns if name not in known]:
            self.columns.pop(name).remove()
        for name, transcript in known.items():
            if (column := self.columns.get(name)) is None:
                self.columns[name] = column = Column(name)
                self.query_one("#columns").mount(column)
                column.call_after_refresh(column.conversation.show, list(transcript.items))
            else:
                column.conversation.show(grown.get(name, ()))

    def _show_questions(self) -> None:
        had = self.inbox.display
        self.inbox.show(self.chat.questions, self.chat.agent)
        if self.inbox.display and not had and not self.prompt.text:
            self.inbox.reply.focus()  # who is typing a message is not to answer by it
        elif had and not self.inbox.display:
            self.prompt.focus()

    def _show_state(self) -> None:
        agent, doing = self.chat.agent, "" if self.inbox.display else self.chat.transcript.doing
        if bool(doing) != self.doing.display:
            self._began, self.doing.display = monotonic(), bool(doing)
        if doing:
            spin, taken = SPIN[int(monotonic() * 8) % len(SPIN)], seconds(monotonic() - self._began)
            self.doing.update(one_line(f"{spin} {doing} {taken}  down {self.chat.spent.down}  esc interrupts", 200))
        waiting = [("joins the turn" if p.steer else "next turn", p.message.text) for p in self.chat.waiting]
        rows = [one_line(f"[{word}] {text}", max(self.size.width - 3, 10)) for word, text in waiting[-3:]]
        self.badges.display = bool(rows)
        self.badges.update("\n".join([*rows, "up takes the last one back"]))
        self.status.update(
            one_line(" | ".join([*footer(agent, self.chat.spent, context=self.chat.context), "^p commands"]), 400)
        )
        if self.screen_stack[0].has_class("side-open"):
            items = [item for t in self.team.transcripts.values() for item in t.items]
            self.side.show(agent, self.transcripts, [*self.chat.transcript.items[self._first :], *items])

    def _beat(self) -> None:
        """Let times and spinners go on while something runs."""
        if not self.screen_stack:
            return  # it ends
        if not self.chat.is_closed and (self.chat.busy or self.doing.display or self.side.jobs.values):
            for column in (self.talk, *self.columns.values()):
                column.conversation.beat()
            self._show_state()

    # What the person does

    def _take_back(self) -> str | None:
        return None if self.chat.is_closed else self.chat.take_back()

    @on(Prompt.Entered)
    def _entered(self, event: Prompt.Entered) -> None:
        self.talk.conversation.anchor()
        self.begin(partial(self._enter, event.text, steer=not event.later), group="chat")

    async def _enter(self, text: str, *, steer: bool) -> None:
        await self.chat.enter(text, steer=steer)
        if self.chat.clipboard:
            self.copy_to_clipboard(self.chat.clipboard)
            self.chat.clipboard = ""
        self._wake()

    @on(Prompt.Left)
    def _left(self) -> None:
        self.exit()

    @on(Inbox.Answered)
    def _answered(self, event: Inbox.Answered) -> None:
        self.begin(partial(self._answer, event), group="chat")

    async def _answer(self, event: Inbox.Answered) -> None:
        await self.chat.answer(event.question, event.text)
        self._wake()

    @on(TextArea.Changed, "#prompt")
    def _typed(self) -> None:
        self.begin(self._complete, group="complete", exclusive=True)

    async def _complete(self) -> None:
        if self.chat.is_closed:
            return
        try:
            self.menu.show(await asyncio.to_thread(self.completing.after, self.chat.agent, self.prompt.before_cursor))
        except Exception as error:  # a plugin's own list of words; what is typed is worth more
            self.complain(error)

    @on(OptionList.OptionSelected, "#menu")
    def _completed(self, event: OptionList.OptionSelected) -> None:
        self.prompt.take(self.menu.candidates[event.option_index])

    @on(Side.Chosen)
    def _chosen(self, event: Side.Chosen) -> None:
        self.talk.conversation.find(event.item)

    @on(Jobs.Stop)
    def _stop_job(self, event: Jobs.Stop) -> None:
        self.begin(partial(self.stop_job, event.id), group="chat")

    @on(TabbedContent.TabActivated)
    def _pane_shown(self) -> None:
        self._wake()
