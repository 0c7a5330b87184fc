"""The hooks of compaction: what is kept, and how a summary is made."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kt import Message, hookspec

if TYPE_CHECKING:
    from kt import Agent

    NextCompaction: TypeAlias = "Callable[[Compaction], Awaitable[Message]]"


@dataclass(slots=True)
class Compaction:
    """Hold what is to be summarised; change it with `dataclasses.replace`, never in place.

    `messages` are what the summary replaces, the oldest of the conversation; `focus` is what the user wants to see in
    it; `prompt` is what the summarising model is told; `reason` is that of CompactionStarted.
    """

    messages: Sequence[Message]
    prompt: str
    focus: str = ""
    reason: str = "usage"


class CompactionSpecs:
    """Hook specifications that the plugin `compaction` adds."""

    @hookspec
    def kt_pin(self, agent: "Agent") -> str | None:
        """Return a text that must outlive every summary, or None. Runs each time a summary takes its place.

        The text stands word for word below the summary, with the plugin's name.
        """

    @hookspec
    async def kt_around_compaction(self, agent: "Agent", compaction: Compaction, next: "NextCompaction") -> Message:
        """Wrap the making of a summary. Return a Message whose text is the summary, without `next` to make it yourself.

        It runs beside the turns. An exception, an empty text or `finish` "length" or "refusal" leaves the history as it
        is; `usage` of the message is what the summary cost.
        """
