"""The other creatures of a team, as far as the team's root tells of them."""

from collections.abc import Callable, Mapping
from typing import Any

from kt import Agent
from kt.errors import MissingPlugin
from kt.events import Event
from kt_chat.items import Item
from kt_chat.past import past
from kt_chat.transcript import Transcript

ACTIVITY = "team_activity"
GONE = "creature_removed"


class Team:
    """A transcript for each creature but the `root`; `changed(creature, item)` is called as they grow."""

    def __init__(self, root: str, changed: Callable[[str, Item], None]) -> None:
        self.transcripts: dict[str, Transcript] = {}
        self._root = root
        self._changed = changed

    def feed(self, event: Any) -> None:
        """Take in an event of the root; all but team_activity are ignored."""
        if event.kind != ACTIVITY:
            return
        inner: Event = event.event
        name = event.creature or getattr(inner, "creature", "")
        if inner.kind == GONE:
            self.transcripts.pop(getattr(inner, "creature", ""), None)
        elif name and name != self._root:
            self._of(name).feed(inner)

    def meet(self, agent: Agent) -> None:
        """Add the creatures that the team has now, with what they said so far."""
        for name, member in members_of(agent).items():
            if name != self._root and name not in self.transcripts:
                for item in past(member.agent.history):
                    self._of(name).add(item)

    def _of(self, name: str) -> Transcript:
        if name not in self.transcripts:
            self.transcripts[name] = Transcript(lambda item: self._changed(name, item))
        return self.transcripts[name]


def members_of(agent: Agent) -> Mapping[str, Any]:
    """Return the members of the agent's team by name, none where it has no team. Each has `agent` and `status()`."""
    try:
        member = agent.plugin("terrarium").member
    except MissingPlugin:
        return {}
    if member is None:
        return {}
    found: Mapping[str, Any] = member.graph.members
    return found
