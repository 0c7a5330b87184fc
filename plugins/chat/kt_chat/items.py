"""What a transcript consists of, as a person sees it. Surfaces draw these, and only these."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kt.events import QuestionAsked

from .changes import Change

State: TypeAlias = Literal["running", "background", "done", "failed", "refused", "cancelled"]
Level: TypeAlias = Literal["info", "warning", "error"]


@dataclass(slots=True, eq=False)
class Said:
    """What went to the agent: `source` is "user", or what else sent it; `steering` joined a turn that ran."""

    text: str
    source: str = "user"
    steering: bool = False


@dataclass(slots=True, eq=False)
class Answer:
    """What the model says, growing until it is `done`; `restarts` counts how often it began again."""

    text: str = ""
    done: bool = False
    restarts: int = 0


@dataclass(slots=True, eq=False)
class Thought:
    """What a model thinks before it answers, growing until it is `done`."""

    text: str = ""
    done: bool = False


@dataclass(slots=True, eq=False)
class Call:
    """A tool call: `title` on one line, `output` what it said so far or at last, `changes` what it did to files.

    `began` is a time of the monotonic clock, `seconds` how long it took; `fraction` is its progress where it tells.
    """

    id: str
    name: str
    title: str
    state: State = "running"
    began: float = 0.0
    seconds: float = 0.0
    output: str = ""
    fraction: float | None = None
    changes: list[Change] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Worker:
    """A sub-agent at work: what it was told, what it does now, how many calls it made, and at the end what it said."""

    id: str
    name: str
    prompt: str
    state: State = "running"
    began: float = 0.0
    seconds: float = 0.0
    calls: int = 0
    doing: str = ""
    text: str = ""


@dataclass(slots=True, eq=False)
class Asked:
    """A question, and its answer once there is one."""

    question: QuestionAsked
    answer: str | None = None
    by: str = ""


@dataclass(slots=True, eq=False)
class Note:
    """A remark of kt itself or of a plugin."""

    text: str
    level: Level = "info"


Item: TypeAlias = Said | Answer | Thought | Call | Worker | Asked | Note
