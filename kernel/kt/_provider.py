"""What a provider is given and gives: a Request in; text, deltas and at last a finished Message out."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from ._messages import Json, Message, ToolCall
from ._tool import Tool
from .events import Event

Delta: TypeAlias = str | ToolCall | Event
"""A str is answer text; a ToolCall is complete; events are ThinkingDelta, ToolCallDelta, LLMRetry."""


def _silent(delta: Delta) -> None:
    pass


@dataclass(slots=True)
class Request:
    """Hold one request to a model; change it with `dataclasses.replace`, never in place.

    `messages` is the live history: read it, do not keep it. `settings` are the preset's (temperature, max_tokens,
    effort ...) and go to the wire as they are; `output_schema` is a JSON schema the answer must fit.
    """

    messages: Sequence[Message]
    system: str = ""
    tools: Sequence[Tool] = ()
    settings: Mapping[str, Json] = field(default_factory=dict)
    output_schema: Json = None
    emit: Callable[[Delta], None] = _silent


@runtime_checkable
class Provider(Protocol):
    """Answer requests: yield deltas, then the finished assistant Message as the last item.

    A stream that ends without a Message is a TruncatedStream. Raise errors of the `kt.errors.ModelError` family.
    Optional attributes: `model` (str), `variant` (the creature variant it wants, e.g. "compact"), `plugins` (names
    of plugins it needs), `enforces_schema` (bool).
    """

    def stream(self, request: Request) -> AsyncIterator[Delta | Message]: ...
