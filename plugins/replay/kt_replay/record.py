"""What a session holds of one agent, in the order in which it is played again."""

from dataclasses import dataclass, field
from typing import Any

from kt_sessions.messages import result_of
from kt_sessions.rebuild import Rebuilt

Data = dict[str, Any]
CANCELLED = "cancelled before it finished"
"""How the result of a call begins that the end of its turn cut off."""


@dataclass(slots=True)
class Change:
    """`history[start:stop]` became `messages`; `by` names who edited it, None where it is what was said."""

    start: int
    stop: int
    messages: list[Data]
    by: str | None = None


@dataclass(slots=True)
class Run:
    """One time that a call reached its tool: the call as it was then, its result, and what the tool kept."""

    call: Data
    result: Data | None = None
    state: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def unfinished(self) -> bool:
        """Tell whether the run has no result of its tool."""
        return self.result is None or result_of(self.result).text.startswith(CANCELLED)


@dataclass(slots=True, eq=False)
class Call:
    """One call of a reply: its runs, its refusals as (why, by), and the result that the model read."""

    id: str
    name: str
    runs: list[Run] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    result: Data | None = None
    background: bool = False
    promoted: bool = False


@dataclass(slots=True)
class Before:
    """What happened before a model call or turn: changes of the conversation, and what came from outside.

    `inputs` are (message, source) that joined the turn, `extras` messages that something else added, `state` what
    background jobs kept.
    """

    changes: list[Change] = field(default_factory=list)
    inputs: list[tuple[Data, str]] = field(default_factory=list)
    extras: list[Data] = field(default_factory=list)
    state: list[tuple[str, Any]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Step:
    """One model call; `reply` is None where none came. `order` are the calls as they reached their tools."""

    before: Before
    reply: Data | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Turn:
    """One turn; `status` is None where the process ended in it.

    `asked` are its questions by id, `answers` those known in it, `draft` the answer that was cut off, `state` what the
    agent kept at its end.
    """

    number: int
    source: str
    message: Data | None
    before: Before
    steps: list[Step] = field(default_factory=list)
    after: Before = field(default_factory=Before)
    asked: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    status: str | None = None
    text: str = ""
    error: Data | None = None
    draft: str = ""


@dataclass(slots=True, eq=False)
class Process:
    """What one agent object did: from its start, or the point that it went on from, to its end.

    `start` is None for a new agent; `history` is what the conversation was, `open` the calls without a result.
    """

    start: Rebuilt | None = None
    history: list[Data] = field(default_factory=list)
    open: dict[str, Call] = field(default_factory=dict)
    model: str = "recorded"
    tools: list[str] = field(default_factory=list)
    plugins: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)


@dataclass(slots=True)
class Record:
    """One agent of a session: what it was built of, and its processes.

    `jobs` names the tools that ran in the background, `editors` who edited the conversation.
    """

    path: str
    made: Data
    processes: list[Process] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    editors: set[str] = field(default_factory=set)
