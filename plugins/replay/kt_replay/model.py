"""The model of a replay: it answers the n-th request of a turn with the n-th recorded reply."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from kt import Host, Message, Provider, Request, Text
from kt.errors import KTError, ModelError
from kt_sessions.messages import message_of

from .record import Data, Process

if TYPE_CHECKING:
    from .stage import Stage

SILENT = next(f.default for f in fields(Request) if f.name == "emit")
"""Who streams the reply to nobody asks beside the conversation: for a summary of it, for one."""


class RecordedModel:
    """Play the replies of a process. `like` is the provider that was recorded, for what it wants around it."""

    def __init__(self, stage: "Stage", like: Provider | None) -> None:
        self.model = stage.process.model
        self.variant = str(getattr(like, "variant", "") or "")
        self.plugins: Mapping[str, Any] | Sequence[str] = getattr(like, "plugins", ())
        self.enforces_schema = bool(getattr(like, "enforces_schema", False))
        self._stage = stage
        self._asides = _summaries(stage.process)

    async def stream(self, request: Request) -> AsyncIterator[str | Message]:
        """Yield the reply of the step that runs. Raises what was raised there, ModelError where nothing is recorded."""
        stage = self._stage
        if request.emit is SILENT:
            yield self._aside()
            return
        stage.look(request)
        step = stage.step
        if step is None or step.reply is None:
            if stage.turn is not None and stage.turn.draft:
                yield stage.turn.draft
            await stage.no_reply()
            return
        reply = message_of(step.reply)
        stage.answered(step)
        yield reply

    def _aside(self) -> Message:
        if not self._asides:
            raise ModelError("the session has no answer to a request beside the conversation")
        return Message("assistant", [Text(self._asides.pop(0))], model=self.model, finish="stop")


def _summaries(process: Process) -> list[str]:
    """Return the texts that took the place of what was said, in order."""
    edits: list[Data] = []
    for turn in process.turns:
        for before in (turn.before, *(step.before for step in turn.steps), turn.after):
            edits += [c.messages[0] for c in before.changes if c.by is not None and c.messages]
    return [message_of(data).text for data in edits]


def provider_like(host: Host, llm: Any) -> Provider | None:
    """Return the provider that is given, or that a recorded name or table means, None where nothing here can make it.

    It is asked nothing: it tells which variant of a creature and which plugins it wants. What is missing for want of
    it, the report names.
    """
    if isinstance(llm, Provider):
        return llm
    load = host.registry.find("loader", "model")
    if load is None or not isinstance(llm, str | Mapping) or not llm:
        return None
    try:
        found: Provider = load.load()(host, llm)[0]
    except KTError:
        return None
    return found
