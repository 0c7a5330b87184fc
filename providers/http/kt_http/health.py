"""How the services do: retries are rationed an address, and a model that keeps failing is left alone for a while."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kt.errors import MissingPlugin, ProviderDown

if TYPE_CHECKING:
    from kt import Host

FULL, RATIO = 20.0, 0.5
"""A retry needs more than half of FULL tokens; a failure costs one, a success brings RATIO (as gRPC's throttling)."""

TRIPS, PAUSE = 5, 30.0
"""So many requests that failed for good, one after the other, close a model's door for so many seconds."""


@dataclass(slots=True)
class Door:
    """One model at one address: how often it failed in a row, and until when nobody asks it."""

    failures: int = 0
    shut_until: float = 0.0


@dataclass(slots=True)
class Health:
    """What one host knows of the services it asks."""

    host: "Host"
    tokens: dict[str, float] = field(default_factory=dict)
    doors: dict[tuple[str, str], Door] = field(default_factory=dict)

    def may_retry(self, where: str) -> bool:
        """Take one token for a failure; tell whether what is left allows another try."""
        left = self.tokens[where] = max(0.0, self.tokens.get(where, FULL) - 1.0)
        return left > FULL / 2

    def enter(self, where: str, model: str) -> None:
        """Let a request pass. Raises ProviderDown while the door is shut; when its time is over, one may try."""
        door, now = self.doors.get((where, model)), self.host.clock.time()
        if door is None or door.failures < TRIPS:
            return
        if now < door.shut_until:
            left = door.shut_until - now
            raise ProviderDown(
                f"{model} failed {door.failures} times in a row and is left alone for {left:.0f} s more", where=where,
                hint="choose another model, or name one under `fallback`",
            )  # fmt: skip
        door.shut_until = now + PAUSE

    def succeeded(self, where: str, model: str) -> None:
        self.doors.pop((where, model), None)
        self.tokens[where] = min(FULL, self.tokens.get(where, FULL) + RATIO)

    def failed(self, where: str, model: str) -> None:
        """Count a request that failed for good."""
        door = self.doors.setdefault((where, model), Door())
        door.failures += 1
        if door.failures >= TRIPS:
            door.shut_until = self.host.clock.time() + PAUSE


def health_of(host: "Host") -> Health:
    """Return the host's record, made on first use."""
    try:
        return host.get(Health)
    except MissingPlugin:
        health = Health(host)
        host.provide(health)
        return health
