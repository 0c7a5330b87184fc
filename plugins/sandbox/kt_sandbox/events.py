"""What is told of the walls."""

from dataclasses import dataclass

from kt.events import Logged

from .settings import Level


@dataclass(slots=True)
class SandboxReady(Logged):
    """What stands around the tools: the level, the make, and what it does not hold."""

    level: Level
    backend: str
    required: Level
    gaps: tuple[str, ...] = ()


@dataclass(slots=True)
class Connected(Logged):
    """A tool, or a program that it runs, reached for a host; `allowed` says whether it got there, `why` the reason."""

    host: str
    port: int
    allowed: bool
    why: str
    call_id: str = ""
