"""What one run of a task left behind, for its checks to look at."""

from dataclasses import dataclass, field
from pathlib import Path

from kt import Agent, ToolCall, TurnResult, Usage
from kt.events import Event, LLMEnded, QuestionAsked

APPROVAL = "approval"
"""The topic of a guard's questions; all others are the creature's own."""


@dataclass(slots=True)
class Watched:
    """What was heard of an agent, its sub-agents and its team while it worked.

    `calls` are those that models asked for, refused ones too.
    """

    calls: list[ToolCall] = field(default_factory=list)
    questions: list[QuestionAsked] = field(default_factory=list)
    replies: list[Usage] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        """Take note of an event; that of a sub-agent or of another creature of a team counts as well."""
        if event.kind.endswith("_activity") and isinstance(inner := getattr(event, "event", None), Event):
            self.hear(inner)
        elif isinstance(event, LLMEnded):
            self.replies.append(event.usage)
            self.calls += event.message.tool_calls
        elif isinstance(event, QuestionAsked):
            self.questions.append(event)

    @property
    def asked(self) -> list[QuestionAsked]:
        """Return the questions that the creature asked, without those of guards."""
        return [question for question in self.questions if question.topic != APPROVAL]

    @property
    def tokens(self) -> int:
        return sum(usage.total for usage in self.replies)

    @property
    def cost(self) -> float | None:
        """Return what the replies cost in USD; None where that of one of them is unknown."""
        costs = [usage.cost for usage in self.replies]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known and len(known) == len(costs) else None


@dataclass(slots=True)
class Played:
    """A run that has ended: its agent (still up), its folder now and `before`, how its turn ended, what was heard."""

    agent: Agent
    folder: Path
    before: dict[str, bytes]
    result: TurnResult
    watched: Watched
