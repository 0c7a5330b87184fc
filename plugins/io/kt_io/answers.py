"""What of an agent's answers an output writes, as lines of text."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from kt import Agent, Status
from kt.events import LLMEnded, LLMRestarted, TextDelta, TurnEnded

from .settings import Settings

Write = Callable[[str], object]


@dataclass(slots=True, kw_only=True)
class AnswerSettings(Settings):
    """`when` is "final", the answer of a turn, or "all", also what the model says beside its calls.

    `only` names the statuses of the turns that are written, every one where None. `prefix` comes before each answer.
    """

    prefix: str = ""
    when: Literal["final", "all"] = "all"
    only: tuple[Status, ...] | None = None


@contextmanager
def written_answers(agent: Agent, settings: AnswerSettings, write: Write) -> Iterator[None]:
    """Write answers when their turn has ended; one that was not ok ends with the line of its error."""
    said: list[str] = []

    def replied(event: LLMEnded) -> None:
        if settings.when == "all" and event.message.text:
            said.append(event.message.text)

    def ended(event: TurnEnded) -> None:
        result, texts = event.result, [*said]
        said.clear()
        if settings.only is not None and result.status not in settings.only:
            return
        if result.text and result.text not in texts[-1:]:
            texts.append(result.text)
        for text in texts:
            write(settings.prefix + text + ("" if text.endswith("\n") else "\n"))
        if result.error is not None:
            write(result.error.line() + "\n")

    offs = agent.bus.on(LLMEnded, replied), agent.bus.on(TurnEnded, ended)
    try:
        yield
    finally:
        for off in offs:
            off()


class LiveAnswers:
    """Write answers as they come, piece by piece; a turn that was not ok ends with the line of its error."""

    def __init__(self, prefix: str, write: Write) -> None:
        self._prefix, self._write = prefix, write
        self._open, self._at_start = False, True

    @contextmanager
    def of(self, agent: Agent) -> Iterator[None]:
        """Listen to an agent until left."""
        on = agent.bus.on
        offs = on(TextDelta, self._delta), on(LLMRestarted, self._again), on(LLMEnded, self._end_line)
        off_ended = on(TurnEnded, self._ended)
        try:
            yield
        finally:
            for off in (*offs, off_ended):
                off()

    def _delta(self, event: TextDelta) -> None:
        if event.text:
            self._write(event.text if self._open else self._prefix + event.text)
            self._open = True
            self._at_start = event.text.endswith("\n")

    def _end_line(self, _: object) -> None:
        if self._open and not self._at_start:
            self._write("\n")
        self._open = False

    def _again(self, event: LLMRestarted) -> None:
        if self._open:
            self._end_line(event)
            self._write("(the model starts its answer again)\n")

    def _ended(self, event: TurnEnded) -> None:
        self._end_line(event)
        if event.result.error is not None:
            self._write(event.result.error.line() + "\n")
