"""The triggers that run on a host, by agent."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from kt.errors import ConfigError, MissingPlugin

from .trigger import Trigger

if TYPE_CHECKING:
    from kt import Agent, Host


class Board:
    """Hold the running triggers of each agent of a host. Get it with `Board.of(host)`."""

    def __init__(self) -> None:
        self._triggers: WeakKeyDictionary[Agent, dict[str, Trigger]] = WeakKeyDictionary()

    @classmethod
    def of(cls, host: "Host") -> "Board":
        """Return the board of a host, made on first use."""
        try:
            return host.get(cls)
        except MissingPlugin:
            host.provide(made := cls())
            return made

    def running(self, agent: "Agent") -> list[Trigger]:
        """Return the triggers of an agent, in the order they began."""
        return list(self._triggers.get(agent, {}).values())

    def free_id(self, agent: "Agent", kind: str) -> str:
        """Return an id for a trigger that its user gave none: its kind, with a number if that is taken."""
        taken = {trigger.id for trigger in self.running(agent)}
        return next(id for n in range(1, len(taken) + 2) if (id := kind if n == 1 else f"{kind}-{n}") not in taken)

    def add(self, trigger: Trigger) -> None:
        """Put up a trigger. Raises ConfigError where its agent has another one of this id."""
        others = self._triggers.setdefault(trigger.agent, {})
        if trigger.key in others:
            raise ConfigError(f"two triggers have the id {trigger.id!r}", where=trigger.agent.name, hint="rename one")
        others[trigger.key] = trigger

    def remove(self, trigger: Trigger) -> None:
        del self._triggers[trigger.agent][trigger.key]
