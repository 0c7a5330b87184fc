"""The questions that wait for an answer: all are listed, any can be answered."""

from dataclasses import dataclass
from typing import ClassVar

from kt import Agent
from kt.events import QuestionAsked
from kt_chat.draw import change
from kt_chat.inert import inert, one_line
from kt_chat.proposed import proposed
from kt_chat.titles import title_of
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option


class Reply(Input):
    """Where an answer is typed; arrows move among the choices."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next_question", "next question", show=False),
        Binding("pageup", "page(-1)", "up", show=False),
        Binding("pagedown", "page(1)", "down", show=False),
    ]

    @property
    def inbox(self) -> "Inbox":
        return self.query_ancestor(Inbox)

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down"):
            event.stop()
            event.prevent_default()
            choices = self.inbox.choices
            choices.action_cursor_up() if event.key == "up" else choices.action_cursor_down()

    def action_next_question(self) -> None:
        self.inbox.next()

    def action_page(self, by: int) -> None:
        preview = self.inbox.preview
        preview.scroll_page_up(animate=False) if by < 0 else preview.scroll_page_down(animate=False)


class Inbox(Vertical):
    """Show the questions of an agent, one of them with what it would do and its choices."""

    @dataclass
    class Answered(Message):
        """The person answered a question."""

        question: QuestionAsked
        text: str

    def __init__(self) -> None:
        super().__init__(id="inbox")
        self.questions: list[QuestionAsked] = []
        self.current: QuestionAsked | None = None
        self.waiting = OptionList(id="waiting", markup=False, compact=True)
        self.text = Static(markup=False, id="question")
        self.proposal = Static(markup=False)
        self.preview = VerticalScroll(self.proposal, id="preview", can_focus=False)
        self.choices = OptionList(id="choices", markup=False, compact=True)
        self.hint = Static(markup=False, classes="hint")
        self.reply = Reply(id="reply", compact=True, placeholder="an answer")
        self.waiting.can_focus = self.choices.can_focus = False

    def compose(self) -> ComposeResult:
        yield from (self.waiting, self.text, self.preview, self.choices, self.reply, self.hint)

    def show(self, questions: list[QuestionAsked], agent: Agent) -> None:
        """Bring the questions up to date; the one that is looked at stays, as long as it waits."""
        if [q.id for q in questions] == [q.id for q in self.questions]:
            return
        self.questions = questions
        self.display = bool(questions)
        if self.current is None or all(q.id != self.current.id for q in questions):
            self._look_at(questions[0] if questions else None, agent)
        self._list()

    def next(self) -> None:
        """Look at the next question."""
        if self.current is not None and len(self.questions) > 1:
            self._turn_to((self._at + 1) % len(self.questions))

    def refuse(self) -> None:
        """Answer with a no: the last choice, or nothing where there is none."""
        if self.current is not None:
            self._answer(self.current.choices[-1] if self.current.choices else "")

    def unfold(self) -> None:
        """Give the change all the room there is, or take it back."""
        self._make_whole(not self.has_class("whole"))

    def _make_whole(self, whole: bool) -> None:
        self.set_class(whole, "whole")
        self.screen.query_one("#main").display = not whole

    @property
    def _at(self) -> int:
        return next((at for at, q in enumerate(self.questions) if self.current and q.id == self.current.id), 0)

    def _turn_to(self, at: int) -> None:
        self._look_at(self.questions[at], self.app.chat.agent)  # type: ignore[attr-defined]
        self._list()

    def _list(self) -> None:
        self.waiting.display = len(self.questions) > 1
        self.waiting.clear_options()
        self.waiting.add_options(Option(f"{n}. {one_line(q.text, 200)}") for n, q in enumerate(self.questions, 1))
        self.waiting.highlighted = self._at if self.questions else None
        more = f"; ctrl-n: the next of {len(self.questions)}" if len(self.questions) > 1 else ""
        choices = self.current.choices if self.current is not None else []
        self.hint.update(
            ("enter: the marked one; or its number, or other words" if choices else "type an answer") + more
        )

    def _look_at(self, question: QuestionAsked | None, agent: Agent) -> None:
        self.current = question
        self.reply.value = ""
        self._make_whole(False)
        if question is None:
            return
        self.text.update(Text(inert(question.text), "bold"))
        lines = _previewed(agent, question) or _arguments(question)
        self.proposal.update(Text("\n").join(lines))
        self.preview.display = bool(lines)
        self.preview.scroll_home(animate=False)
        self.choices.display = bool(question.choices)
        self.choices.clear_options()
        self.choices.add_options(Option(f"{n}. {one_line(c, 200)}") for n, c in enumerate(question.choices, 1))
        self.choices.highlighted = 0 if question.choices else None

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        chosen = self.choices.highlighted
        if typed := event.value.strip():
            self._answer(typed)
        elif self.current is not None and self.current.choices and chosen is not None:
            self._answer(self.current.choices[chosen])

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_list is self.waiting:
            self._turn_to(event.option_index)
        elif self.current is not None:
            self._answer(self.current.choices[event.option_index])

    def _answer(self, text: str) -> None:
        if self.current is not None:
            self.post_message(self.Answered(self.current, text))


def _previewed(agent: Agent, question: QuestionAsked) -> list[Text]:
    """Return the diffs of what would be done; a preview that fails says so, and the question can be answered."""
    try:
        return [line for each in proposed(agent, question) for line in change(each, 80, whole=True)]
    except Exception as error:
        return [Text(f"  the preview failed: {one_line(str(error))}", "yellow"), *_arguments(question)]


def _arguments(question: QuestionAsked) -> list[Text]:
    """Return the arguments of the call that waits for a yes."""
    if not isinstance(question.data, dict):
        return []
    lines = []
    for name, value in question.data.items():
        text = inert(value) if isinstance(value, str) else title_of("", {name: value})
        lines.append(Text(f"  {one_line(name, 40)}: " + text.replace("\n", "\n    ")))
    return lines
