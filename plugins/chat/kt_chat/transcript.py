"""Fold the events of an agent into what a person sees of it."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from kt import Agent, ToolCall
from kt.events import (
    Advice,
    Event,
    InputAccepted,
    LLMEnded,
    LLMRestarted,
    LLMRetry,
    LLMStarted,
    PluginFailed,
    QuestionAsked,
    Refused,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolEnded,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)

from .attach import shown_of
from .changes import Watched
from .items import Answer, Asked, Call, Item, Level, Note, Said, State, Thought, Worker
from .remarks import remark
from .titles import title_of

KEPT_OUTPUT = 100_000
"""Characters of a call's progress that are kept until its result is there."""


class Transcript:
    """The `items` of a conversation, oldest first; `changed(item)` is called for each that is new or grew.

    `doing` says in a word or two what the agent does now, "" while it is idle.
    """

    def __init__(self, changed: Callable[[Item], None]) -> None:
        self.items: list[Item] = []
        self.doing = ""
        self.changed = changed
        self._calls: dict[str, Call] = {}
        self._workers: dict[str, Worker] = {}
        self._open: Answer | Thought | None = None
        self._watched: Watched | None = None
        self._agent: Agent | None = None
        self._handlers: dict[str, Callable[[Any], None]] = {
            TurnStarted.kind: self._turn_started,
            InputAccepted.kind: self._accepted,
            LLMStarted.kind: lambda e: self._does("thinking"),
            TextDelta.kind: lambda e: self._grows(Answer, e.text),
            ThinkingDelta.kind: lambda e: self._grows(Thought, e.text),
            ToolCallDelta.kind: self._call_delta,
            LLMRestarted.kind: self._restarted,
            LLMEnded.kind: self._replied,
            ToolStarted.kind: self._tool_started,
            ToolProgress.kind: self._progress,
            ToolEnded.kind: self._tool_ended,
            QuestionAsked.kind: lambda e: self.add(Asked(e)),
            "question_answered": self._answered,
            LLMRetry.kind: self._retries,
            Refused.kind: self._refused,
            PluginFailed.kind: lambda e: self.note(f"{e.plugin}: {e.error}", "warning"),
            Advice.kind: lambda e: self.note(e.text, "warning"),
            "job_started": self._job_started,
            "job_ended": self._job_ended,
            "subagent_started": self._worker_started,
            "subagent_activity": self._worker_acts,
            "subagent_ended": self._worker_ended,
            TurnEnded.kind: self._turn_ended,
        }

    def attach(self, agent: Agent) -> Callable[[], None]:
        """Follow an agent; return the function that stops it."""
        self._agent, self._watched = agent, Watched(agent)
        return agent.bus.on(Event, self.feed)

    def feed(self, event: Event) -> None:
        """Take one event in."""
        handler = self._handlers.get(event.kind)
        if handler is not None:
            handler(event)
        elif (said := remark(event)) is not None:
            self.note(*said)

    def add(self, item: Item) -> None:
        """Put an item at the end."""
        self.items.append(item)
        self.changed(item)

    def note(self, text: str, level: Level = "info") -> None:
        """Put a remark at the end."""
        self.add(Note(text, level))

    def _does(self, doing: str) -> None:
        self.doing = doing

    # What is said

    def _turn_started(self, event: TurnStarted) -> None:
        self.doing = "thinking"
        if event.message is not None:
            self.add(Said(shown_of(event.message), event.source))

    def _accepted(self, event: InputAccepted) -> None:
        self._close()
        self.add(Said(shown_of(event.message), event.source, steering=True))

    def _grows(self, kind: type[Answer] | type[Thought], text: str) -> None:
        if not isinstance(self._open, kind):
            self._close()
            self._open = kind()
            self.items.append(self._open)
        self.doing = "answering" if kind is Answer else "thinking"
        self._open.text += text
        self.changed(self._open)

    def _close(self) -> None:
        if self._open is not None:
            self._open.done = True
            self.changed(self._open)
            self._open = None

    def _call_delta(self, event: ToolCallDelta) -> None:
        self._close()
        if event.name:
            self.doing = f"writing a call of {event.name}"

    def _restarted(self, event: LLMRestarted) -> None:
        if isinstance(self._open, Answer):
            self._open.text = ""
            self._open.restarts += 1
            self.changed(self._open)

    def _replied(self, event: LLMEnded) -> None:
        answer, text = self._open, event.message.text
        if isinstance(answer, Answer) and answer.text != text:
            answer.text = text
        self._close()
        if text and not isinstance(answer, Answer):
            self.add(Answer(text, done=True))

    def _turn_ended(self, event: TurnEnded) -> None:
        self._close()
        self.doing, result = "", event.result
        for call in self._calls.values():
            if call.state == "running":
                self._end(call, "cancelled", "cancelled")
        said = next((item.text for item in reversed(self.items) if isinstance(item, Answer)), "")
        if result.text and result.text != said:
            self.add(Answer(result.text, done=True))
        if result.status == "cancelled":
            self.note("interrupted", "warning")
        elif result.error is not None:
            self.note(result.error.line(), "error")

    # Tools

    def _tool_started(self, event: ToolStarted) -> None:
        self._close()
        call = event.call
        if self._watched is not None:
            self._watched.started(call)
        self.doing = call.name
        self._add_call(call)

    def _add_call(self, call: ToolCall, state: State = "running") -> Call:
        item = Call(call.id, call.name, title_of(call.name, call.arguments), state, monotonic())
        self._calls[call.id] = item
        self.add(item)
        return item

    def _progress(self, event: ToolProgress) -> None:
        if (call := self._calls.get(event.call_id)) is not None:
            call.output = (call.output + event.text)[-KEPT_OUTPUT:]
            call.fraction = event.fraction if event.fraction is not None else call.fraction
            self.changed(call)

    def _tool_ended(self, event: ToolEnded) -> None:
        call = self._calls.get(event.call.id) or self._add_call(event.call)
        if call.state == "background":
            return  # its job ends later
        if self._watched is not None:
            call.changes = self._watched.ended(event.call)
        state: State = "failed" if event.result.is_error else "done"
        if event.result.is_error and event.result.text.startswith("cancelled"):
            state = "cancelled"
        self._end(call, state if call.state == "running" else call.state, event.result.text, event.seconds)
        self.doing = "thinking"

    def _end(self, call: Call, state: State, output: str, seconds: float | None = None) -> None:
        call.state, call.output, call.fraction = state, output, None
        call.seconds = monotonic() - call.began if seconds is None else seconds
        self.changed(call)

    def _refused(self, event: Refused) -> None:
        id = event.what.rpartition(" ")[2]
        turn = None if self._agent is None else self._agent.turn
        state = None if turn is None else turn.calls.get(id)
        if (call := self._calls.get(id)) is None and state is not None:
            call = self._add_call(state.call)
        if call is not None:
            self._end(call, "refused", event.why, 0.0)
        else:
            self.note(f"refused: {event.what.partition(' ')[0]}: {event.why}", "warning")

    def _job_started(self, event: Any) -> None:
        if (call := self._calls.get(event.call.id)) is not None:
            call.state = "background"
            self.changed(call)

    def _job_ended(self, event: Any) -> None:
        call = next((c for c in self._calls.values() if c.id == event.result.call_id), None)
        if call is not None and call.state == "background":
            state: State = "cancelled" if event.cancelled else "failed" if event.result.is_error else "done"
            self._end(call, state, event.result.text)

    # Questions, waits, sub-agents

    def _answered(self, event: Any) -> None:
        for item in reversed(self.items):
            if isinstance(item, Asked) and item.question.id == event.id:
                item.answer, item.by = event.answer, event.by
                self.changed(item)
                return

    def _retries(self, event: LLMRetry) -> None:
        self.doing = f"waiting for the provider, attempt {event.attempt}"
        self.note(f"the provider failed ({event.reason}); attempt {event.attempt} in {event.wait:.1f} s", "warning")

    def _worker_started(self, event: Any) -> None:
        self._workers[event.id] = worker = Worker(event.id, event.name, event.prompt, began=monotonic())
        self.add(worker)

    def _worker_acts(self, event: Any) -> None:
        worker, inner = self._workers.get(event.id), event.event
        if worker is None:
            return
        if isinstance(inner, ToolStarted):
            worker.calls += 1
            worker.doing = f"{inner.call.name} {title_of(inner.call.name, inner.call.arguments, 80)}".strip()
        elif isinstance(inner, LLMStarted):
            worker.doing = "thinking"
        else:
            return
        self.changed(worker)

    def _worker_ended(self, event: Any) -> None:
        if (worker := self._workers.get(event.id)) is not None:
            worker.state = "done" if event.status == "ok" else "cancelled" if event.status == "cancelled" else "failed"
            worker.seconds, worker.doing, worker.text = event.seconds, "", event.text or event.error
            self.changed(worker)
