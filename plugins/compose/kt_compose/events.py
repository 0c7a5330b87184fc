"""What a pipeline tells while it runs: `await step(x, on_event=show)`."""

from dataclasses import dataclass
from typing import Any

from kt.events import Event


@dataclass(slots=True)
class StepEvent(Event):
    """Be the base of what a pipeline tells; `step` is a step's name, `call` numbers the calls of one run from 1."""

    step: str
    call: int


@dataclass(slots=True)
class StepStarted(StepEvent):
    """A function, agent or named step starts."""


@dataclass(slots=True)
class StepSaid(StepEvent):
    """The agent of a step published an event of its turn: a TextDelta, a ToolStarted ..."""

    event: Event


@dataclass(slots=True)
class StepEnded(StepEvent):
    value: Any


@dataclass(slots=True)
class StepFailed(StepEvent):
    """A step raised, or was cancelled: then `error` is a CancelledError."""

    error: BaseException


@dataclass(slots=True)
class StepRecovered(StepEvent):
    """`|` or `*` goes on after an error of the step."""

    error: BaseException
