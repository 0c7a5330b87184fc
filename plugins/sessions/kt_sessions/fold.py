"""What a stream's events come to: the conversation as references, and what was going on at its end."""

from dataclasses import asdict, dataclass, field
from typing import Any

Ref = list[int]
"""Where a message is: [seq] of its event, or [seq, index] in the messages of a `history_edited`."""


@dataclass(slots=True)
class Fold:
    """Follow the events of a stream one by one; the same while it is written and when it is read again.

    `seq` is the last event. `state` and `saved` name the event with the newest value of each key of `agent.state` and
    of each plugin. `turn` is the one that runs, `message` the event with its input until the conversation has it.
    `started` maps the open calls that began to their effect, `ended` those that ended to the event with the result,
    `questions` those nobody answered to their event, `jobs` those in the background to their tool until the model
    heard of their end, `finished` of these the ones that ended to the event with the result.
    """

    seq: int = 0
    history: list[Ref] = field(default_factory=list)
    state: dict[str, int] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)
    turns: int = 0
    asked: int = 0
    taint: list[str] = field(default_factory=list)
    turn: int | None = None
    message: int | None = None
    started: dict[str, str] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    questions: dict[str, int] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)

    def feed(self, kind: str, seq: int, body: dict[str, Any]) -> None:
        """Take one event, in order."""
        self.seq = seq
        step = _STEPS.get(kind)
        if step is not None:
            try:
                step(self, seq, body)
            except (KeyError, TypeError, AttributeError):
                pass  # the event of a stranger's plugin that is called like one of these

    def data(self) -> dict[str, Any]:
        """Return it as JSON data, for a snapshot."""
        return asdict(self)

    def _turn_started(self, seq: int, body: dict[str, Any]) -> None:
        self.turn = body["turn"]
        self.turns = max(self.turns, body["turn"])
        self.message = seq if "message" in body else None
        self._heard(body["source"])

    def _turn_ended(self, seq: int, body: dict[str, Any]) -> None:
        self.turn = self.message = None
        if body["result"].get("status", "ok") == "waiting":
            # A call that asked from inside its tool runs again once it is answered, as it does in one process.
            self.started = {id: effect for id, effect in self.started.items() if id in self.ended}
        else:
            self.questions.clear()
            self.answers.clear()

    def _message_added(self, seq: int, body: dict[str, Any]) -> None:
        self.history.append([seq])
        self.message = None
        message = body["message"]
        if message.get("role") == "assistant":
            self.started.clear()
            self.ended.clear()
        self._tainted(message)

    def _history_edited(self, seq: int, body: dict[str, Any]) -> None:
        self.history[body["start"] : body["stop"]] = [[seq, at] for at in range(len(body["messages"]))]
        for message in body["messages"]:
            self._tainted(message)

    def _tainted(self, message: dict[str, Any]) -> None:
        for part in message.get("parts", ()):
            for each in (part, *part.get("parts", ())):
                self.taint += [origin for origin in each.get("origin", "").split() if origin not in self.taint]

    def _llm_started(self, seq: int, body: dict[str, Any]) -> None:
        self.asked = max(self.asked, body["message"])

    def _tool_started(self, seq: int, body: dict[str, Any]) -> None:
        self.started[body["call"]["id"]] = body["effect"]

    def _tool_ended(self, seq: int, body: dict[str, Any]) -> None:
        self.ended[body["call"]["id"]] = seq

    def _question_asked(self, seq: int, body: dict[str, Any]) -> None:
        self.questions[body["id"]] = seq

    def _question_answered(self, seq: int, body: dict[str, Any]) -> None:
        self.questions.pop(body["id"], None)
        self.answers[body["id"]] = body["answer"]

    def _job_started(self, seq: int, body: dict[str, Any]) -> None:
        self.jobs[body["id"]] = body["call"].get("name", "a call")

    def _job_ended(self, seq: int, body: dict[str, Any]) -> None:
        if body["id"] in self.jobs:
            self.finished[body["id"]] = seq

    def _input_accepted(self, seq: int, body: dict[str, Any]) -> None:
        self._heard(body["source"])

    def _heard(self, source: str) -> None:
        """Forget a job whose result joined the conversation."""
        if source.startswith("job:"):
            self.jobs.pop(source[4:], None)
            self.finished.pop(source[4:], None)

    def _state_set(self, seq: int, body: dict[str, Any]) -> None:
        self.state[body["key"]] = seq

    def _plugin_saved(self, seq: int, body: dict[str, Any]) -> None:
        self.saved[body["plugin"]] = seq

    def _session_resumed(self, seq: int, body: dict[str, Any]) -> None:
        self.settle()
        self.turn = None
        self.jobs.clear()
        self.finished.clear()

    def settle(self) -> None:
        """Take the input of a turn that a crash cut before the conversation had it."""
        if self.message is not None:
            self.history.append([self.message])
            self.message = None

    def _session_rewound(self, seq: int, body: dict[str, Any]) -> None:
        self.turns = max(self.turns, body["turns"])
        self.turn = self.message = None


_STEPS = {
    "turn_started": Fold._turn_started,
    "turn_ended": Fold._turn_ended,
    "message_added": Fold._message_added,
    "history_edited": Fold._history_edited,
    "llm_started": Fold._llm_started,
    "tool_started": Fold._tool_started,
    "tool_ended": Fold._tool_ended,
    "question_asked": Fold._question_asked,
    "question_answered": Fold._question_answered,
    "job_started": Fold._job_started,
    "job_ended": Fold._job_ended,
    "input_accepted": Fold._input_accepted,
    "state_set": Fold._state_set,
    "plugin_saved": Fold._plugin_saved,
    "session_resumed": Fold._session_resumed,
    "session_rewound": Fold._session_rewound,
}
