"""Pipelines of agents and functions: `agent("writer") >> agent("reviewer") | agent("local")`."""

from .answers import Answer
from .events import StepEnded, StepEvent, StepFailed, StepRecovered, StepSaid, StepStarted
from .iterate import Iteration
from .make import agent, factory, pure, race
from .recovery import Rejected
from .step import ParallelStep, Step
from .stream import Piece, Stream

__all__ = [
    "Answer",
    "Iteration",
    "ParallelStep",
    "Piece",
    "Rejected",
    "Step",
    "StepEnded",
    "StepEvent",
    "StepFailed",
    "StepRecovered",
    "StepSaid",
    "StepStarted",
    "Stream",
    "agent",
    "factory",
    "pure",
    "race",
]
