"""From the events of a session to its record."""

from dataclasses import replace
from typing import Any

from kt.errors import NotFound
from kt_sessions.fold import Fold
from kt_sessions.messages import message_of, result_of
from kt_sessions.reader import SessionReader
from kt_sessions.rebuild import Rebuilt

from .record import Before, Call, Change, Data, Process, Record, Run, Step, Turn

STARTS = ("session_created", "session_resumed", "session_rewound")
WITHHELD = ("tool_started", "tool_ended", "refused")
"""Events of a call that can come before the reply which asks for it, and are of an older call otherwise."""


def read_record(reader: SessionReader, agent: str | None = None) -> Record:
    """Return the record of an agent, the first one where `agent` is None.

    Raises NotFound where the session has no such agent, SessionDamaged at the first event that is not what was written.
    """
    made = reader.made(agent)
    if not made:
        raise NotFound(
            "the session does not say what this agent was built of",
            where=str(reader.path),
            hint="replay the agent that the session was made for",
        )
    parser = Parser(Record(str(reader.path), made))
    for event in reader.path_events(agent):
        parser.feed(event.kind, event.seq, event.body)
    parser.seal()
    record = parser.record
    record.processes = [p for p in record.processes if p.turns]
    return record


class Parser:
    """Take the events of one agent in order; `record` is what they tell."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._fold = Fold()
        self._history: list[Data] = []
        self._state: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}
        self._calls: dict[str, Call] = {}
        self._turn: Turn | None = None
        self._last: Turn | None = None
        self._step: Step | None = None
        self._before = Before()
        self._awaited: Data | None = None
        self._answers: dict[str, str] = {}
        self._kept: list[tuple[str, Any]] = []
        self._withheld: list[tuple[str, Data, list[tuple[str, Any]]]] = []

    def feed(self, kind: str, seq: int, body: Data) -> None:
        """Take one event."""
        if kind in STARTS:
            self._fold.feed(kind, seq, body)
            self._start(kind)
            return
        if kind in WITHHELD and self._early(kind, body):
            self._withheld.append((kind, body, self._kept))
        elif (take := getattr(self, f"_{kind}", None)) is not None:
            take(body)
        if kind != "state_set":
            self._kept = []  # what is kept stands before the end of the call that changed it
        self._fold.feed(kind, seq, body)

    def _early(self, kind: str, body: Data) -> bool:
        """Tell whether a call may be one of a reply that is not complete; jobs go on while the model answers."""
        known = self._calls.get(_call_id(kind, body))
        return self._step is not None and self._step.reply is None and not (known is not None and known.background)

    def seal(self) -> None:
        """Note what the agent kept at the end of its last turn."""
        if self._last is not None:
            self._last.state, self._last = self._state, None

    @property
    def _process(self) -> Process:
        return self.record.processes[-1]

    def _start(self, kind: str) -> None:
        """Begin a process, from what the conversation is now."""
        self._release()
        self.seal()
        cut, self._turn = self._turn, None
        if cut is not None:
            self._answers.update(cut.answers)
        if self._fold.message is not None and self._awaited is not None:
            self._history.append(self._awaited)  # the crash came before the conversation had it
        self._step, self._before, self._awaited = None, Before(), None
        before = self.record.processes[-1] if self.record.processes else Process()
        process = Process(None, list(self._history), {}, before.model, before.tools, before.plugins)
        if kind != "session_created":
            process.start = self._rebuilt()
            last = process.start.history[-1] if process.start.history else None
            if last is not None and last.role == "assistant":
                process.open = {c.id: Call(c.id, c.name) for c in last.tool_calls}
                self._calls.update(process.open)
        self.record.processes.append(process)

    def _rebuilt(self) -> Rebuilt:
        fold = self._fold
        kept = replace(
            fold, history=[], taint=list(fold.taint), started=dict(fold.started), answers={}, jobs=dict(fold.jobs)
        )
        results = {id: self._calls[id].runs[-1].result for id in fold.ended if self._calls[id].runs}
        return Rebuilt(
            kept,
            [message_of(data) for data in self._history],
            dict(self._state),
            dict(self._saved),
            {id: result_of(data) for id, data in results.items() if data is not None},
        )

    # The agent and its turns

    def _agent_started(self, body: Data) -> None:
        process = self._process
        process.model, process.tools, process.plugins = body["model"], body["tools"], body["plugins"]

    def _turn_started(self, body: Data) -> None:
        self.seal()
        turn = Turn(body["turn"], body["source"], body.get("message"), self._before)
        turn.answers, self._answers = self._answers, {}
        self._process.turns.append(turn)
        self._turn, self._step, self._before, self._awaited = turn, None, Before(), turn.message

    def _turn_ended(self, body: Data) -> None:
        turn = self._turn
        if turn is None or turn.number != body["turn"]:
            return  # it ended while it waited for its turn
        self._release()
        result = body["result"]
        turn.status, turn.text, turn.error = result.get("status", "ok"), result.get("text", ""), result.get("error")
        turn.after, self._before = self._before, Before()
        if turn.status == "waiting":
            self._answers = dict(turn.answers)
        self._last, self._turn, self._step = turn, None, None

    def _llm_started(self, body: Data) -> None:
        self._process.model = body["model"]
        if self._turn is not None:
            self._step = Step(self._before)
            self._turn.steps.append(self._step)
            self._before = Before()

    def _llm_ended(self, body: Data) -> None:
        if self._step is None:
            return
        reply = message_of(body["message"])
        self._step.reply = body["message"]
        self._step.calls = {c.id: Call(c.id, c.name) for c in reply.tool_calls}
        self._calls.update(self._step.calls)
        self._release()

    def _release(self) -> None:
        withheld, self._withheld = self._withheld, []
        for kind, body, self._kept in withheld:
            getattr(self, f"_{kind}")(body)

    # The conversation

    def _message_added(self, body: Data) -> None:
        message = body["message"]
        end, role = len(self._history), message.get("role")
        self._history.append(message)
        self._before.changes.append(Change(end, end, [message]))
        if role == "assistant":
            if message.get("finish") == "aborted" and self._turn is not None:
                self._turn.draft = message_of(message).text
        elif role == "tool":
            for part in message["parts"]:
                if (call := self._calls.get(part.get("call_id"))) is not None:
                    call.result = part
        elif self._awaited == message:
            self._awaited = None
        else:
            self._before.extras.append(message)

    def _input_accepted(self, body: Data) -> None:
        extras = self._before.extras
        if extras and extras[-1] == body["message"]:
            extras.pop()
        self._before.inputs.append((body["message"], body["source"]))

    def _history_edited(self, body: Data) -> None:
        start, stop = min(body["start"], len(self._history)), min(body["stop"], len(self._history))
        change = Change(start, stop, body["messages"], body.get("by", ""))
        self._history[start:stop] = change.messages
        self.record.editors.add(change.by or "")
        waits = self._step is not None and self._step.reply is None
        before = self._step.before if waits and self._step is not None else self._before
        before.changes.append(change)

    # Calls

    def _tool_started(self, body: Data) -> None:
        call = self._calls.get(body["call"]["id"])
        if call is None:
            return
        call.runs.append(Run(body["call"]))
        if self._step is not None and self._step.calls.get(call.id) is call:
            self._step.order.append(call.id)

    def _tool_ended(self, body: Data) -> None:
        call = self._calls.get(body["call"]["id"])
        run = next((r for r in reversed(call.runs) if r.result is None), None) if call is not None else None
        if call is not None and run is not None:
            run.result = body["result"]
            (self._before.state if call.background else run.state).extend(self._kept)

    def _refused(self, body: Data) -> None:
        why = body["why"], body.get("by", "")
        if body["what"] == "turn" and self._turn is not None:
            self._turn.refused.append(why)
        elif (call := self._calls.get(_call_id("refused", body))) is not None:
            call.refused.append(why)

    def _job_started(self, body: Data) -> None:
        if (call := self._calls.get(body["call"]["id"])) is not None:
            call.background, call.promoted = True, body.get("promoted", False)
            self.record.jobs.add(call.name)

    # Questions and state

    def _question_asked(self, body: Data) -> None:
        if self._turn is not None:
            self._turn.asked[body["id"]] = body["text"]

    def _question_answered(self, body: Data) -> None:
        answers = self._answers if self._turn is None else self._turn.answers
        answers[body["id"]] = body["answer"]

    def _state_set(self, body: Data) -> None:
        key, value = body["key"], body.get("value")
        self._state = {k: v for k, v in {**self._state, key: value}.items() if v is not None}
        self._kept.append((key, value))

    def _plugin_saved(self, body: Data) -> None:
        self._saved[body["plugin"]] = body["state"]


def _call_id(kind: str, body: Data) -> str:
    return str(body["what"]).rpartition(" ")[2] if kind == "refused" else str(body["call"]["id"])
