"""The panes beside the conversation: creatures, jobs, to-do list, files that changed, events."""

from dataclasses import dataclass
from typing import Any, ClassVar

from kt import Agent
from kt.errors import MissingPlugin
from kt_chat.changes import Change
from kt_chat.draw import change
from kt_chat.inert import inert, one_line
from kt_chat.items import Call, Item
from kt_chat.status import seconds
from kt_chat.titles import title_of
from kt_chat.transcript import Transcript
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import OptionList, Static, TabbedContent, TabPane, Tree
from textual.widgets.option_list import Option

from .creatures import Creatures
from .events import EventLog
from .keys import PANES
from .viewer import Viewer

TITLES = ("Creatures", "Jobs", "Todo", "Files", "Events")
TODO = {"pending": ("[ ] ", ""), "active": ("[>] ", "cyan"), "done": ("[x] ", "dim")}


class Rows(OptionList):
    """A list whose lines are replaced without losing the place in it."""

    def __init__(self, id: str, empty: str) -> None:
        super().__init__(id=id, markup=False, compact=True)
        self.values: list[Any] = []
        self._shown: list[Text] = []
        self._empty = Option(Text(empty, "dim"), disabled=True)

    def show(self, rows: list[tuple[Any, Text]]) -> None:
        """Show lines, each with a value."""
        lines = [line for _, line in rows]
        self.values = [value for value, _ in rows]
        if lines == self._shown and self.option_count:
            return
        self._shown, at = lines, self.highlighted
        self.set_options([Option(line) for line in lines] or [self._empty])
        self.highlighted = min(at, len(lines) - 1) if at is not None and lines else None


class Jobs(Rows):
    """The calls in the background: enter shows what one said, x stops it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "stop", "stop")]

    @dataclass
    class Stop(Message):
        """The job is to be stopped."""

        id: str

    def action_stop(self) -> None:
        if self.highlighted is not None and self.values:
            self.post_message(self.Stop(self.values[self.highlighted].id))


class Side(Vertical):
    """The five panes. A sub-agent that is chosen in the tree is told by `Chosen`."""

    @dataclass
    class Chosen(Message):
        """An item of the conversation was chosen."""

        item: Item

    def __init__(self) -> None:
        super().__init__(id="side")
        self.tabs = TabbedContent(initial=PANES[0])
        self.creatures = Creatures()
        self.jobs = Jobs("jobs-list", "nothing ran in the background")
        self.todo = Static("", markup=False, id="todo-list")
        self.files = Rows("files-list", "no file was changed")
        self.events = EventLog()

    def compose(self) -> ComposeResult:
        panes = (self.creatures, self.jobs, self.todo, self.files, self.events)
        with self.tabs:
            for name, title, pane in zip(PANES, TITLES, panes, strict=True):
                with TabPane(title, id=name):
                    yield pane

    @property
    def active(self) -> str:
        """Return the name of the pane that is seen."""
        return self.tabs.active

    def go(self, name: str) -> None:
        """Show a pane, and move the focus into it."""
        self.tabs.active = name
        pane = dict(zip(PANES, (self.creatures, self.jobs, None, self.files, self.events), strict=True))[name]
        if pane is not None:
            pane.focus()

    def show(self, agent: Agent, transcripts: dict[str, Transcript], items: list[Item]) -> None:
        """Bring the pane that is seen up to date; `items` are those of all conversations."""
        match self.active:
            case "creatures":
                self.creatures.show(agent, transcripts)
            case "jobs":
                self.jobs.show(_jobs(agent))
            case "todo":
                self.todo.update(_todo(agent))
            case "files":
                self.files.show(_files(items))
            case "events":
                self.events.catch_up()

    @on(Tree.NodeSelected)
    def _creature_chosen(self, event: Tree.NodeSelected[Item | None]) -> None:
        event.stop()
        if event.node.data is not None:
            self.post_message(self.Chosen(event.node.data))

    @on(OptionList.OptionSelected)
    def _row_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_list is self.jobs:
            job = self.jobs.values[event.option_index]
            said = job.output if job.result is None else job.result.text
            self.app.push_screen(Viewer(f"{job.id} {job.call.name}", Text(inert(said) or "it has said nothing yet")))
        elif event.option_list is self.files:
            found: list[Change] = self.files.values[event.option_index]
            lines = [line for each in found for line in change(each, self.app.size.width - 8, whole=True)]
            self.app.push_screen(Viewer(one_line(found[0].path), Text("\n").join(lines)))


def _jobs(agent: Agent) -> list[tuple[Any, Text]]:
    try:
        jobs = agent.plugin("jobs").all.values()
    except MissingPlugin:
        return []
    return [(job, _job(agent, job)) for job in jobs if job.background]


def _job(agent: Agent, job: Any) -> Text:
    taken = (agent.host.clock.time() if job.ended is None else job.ended) - job.began
    title = title_of(job.call.name, job.call.arguments, 60)
    failed = job.state == "done" and job.result.is_error
    colour = "red" if failed else {"running": "cyan", "cancelled": "yellow"}.get(job.state, "green")
    return Text.assemble(
        (f"{job.id} {job.state} ", colour), f"{one_line(job.call.name, 40)} {title}", (f"  {seconds(taken)}", "dim")
    )


def _todo(agent: Agent) -> Text:
    rows = agent.state.get("todo")
    if not isinstance(rows, list) or not rows:
        return Text("the agent keeps no list", "dim")
    lines = []
    for row in rows:
        if isinstance(row, dict):
            mark, style = TODO.get(str(row.get("status")), TODO["pending"])
            lines.append(Text(mark + one_line(str(row.get("text", "")), 400), style))
    return Text("\n").join(lines)


def _files(items: list[Item]) -> list[tuple[Any, Text]]:
    """Return the files that calls changed, the newest last, each with its changes."""
    found: dict[str, list[Change]] = {}
    for item in items:
        for each in item.changes if isinstance(item, Call) else ():
            found[each.path] = [*found.pop(each.path, []), each]
    return [(changes, _file(path, changes)) for path, changes in found.items()]


def _file(path: str, changes: list[Change]) -> Text:
    added, removed = sum(c.added for c in changes), sum(c.removed for c in changes)
    return Text.assemble((f"+{added} ", "green"), (f"-{removed} ", "red"), one_line(path, 400))
