"""The events of compaction."""

from dataclasses import dataclass, field

from kt import Usage
from kt.events import Logged


@dataclass(slots=True)
class CompactionStarted(Logged):
    """A summary of the first `messages` messages is made; `tokens` is how much the context holds.

    `reason` is "usage" (at the setting `at`), "full" (at `hard`), "refused" (by the provider) or "asked" (by somebody).
    """

    reason: str
    tokens: int
    messages: int


@dataclass(slots=True)
class CompactionEnded(Logged):
    """The history is shorter: about `after` tokens of context instead of `before`.

    The first `messages` messages became a summary and what is kept of them; or so many lost an old tool result (`how`
    is "summary" or "cleared"). `seconds` is what it took, `usage` what it cost `model`; `note` says why the target was
    not reached, if it was not.
    """

    before: int
    after: int
    messages: int
    seconds: float
    usage: Usage = field(default_factory=Usage)
    how: str = "summary"
    note: str = ""
    model: str = ""


@dataclass(slots=True)
class CompactionFailed(Logged):
    """The history is as it was; `usage` is what the attempt of `model` cost."""

    reason: str
    usage: Usage = field(default_factory=Usage)
    model: str = ""
