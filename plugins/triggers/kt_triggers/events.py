"""What triggers tell."""

from dataclasses import dataclass

from kt.events import Event, Logged


@dataclass(slots=True)
class TriggerFired(Logged):
    """A trigger fired: `trigger` is its kind, `missed` how many of its runs this one makes up for.

    `queued` is False where its input from before still waits: that one stands for this firing too.
    """

    trigger: str
    id: str
    missed: int = 0
    queued: bool = True


@dataclass(slots=True)
class TriggerSkipped(Logged):
    """Runs of a trigger were missed, and are not made up for."""

    trigger: str
    id: str
    missed: int


@dataclass(slots=True)
class WebhookOpened(Event):
    """A webhook listens. Not logged: `token` is a secret; empty where the user gave one and knows it."""

    id: str
    url: str
    token: str = ""
