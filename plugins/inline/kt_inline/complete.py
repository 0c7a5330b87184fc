"""Completion in the prompt, by what kt-chat knows of commands and files."""

from collections.abc import Callable, Iterator

from kt import Agent
from kt_chat.completing import Completing
from kt_chat.inert import one_line
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document


class Completions(Completer):
    """Complete for the agent that the conversation has when asked; before there is one, nothing."""

    def __init__(self, agent: Callable[[], Agent | None]) -> None:
        self._agent = agent
        self._completing = Completing()

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        agent = self._agent()
        for found in self._completing.after(agent, document.text_before_cursor) if agent is not None else ():
            shown, help = one_line(found.shown), one_line(found.help, 70)
            yield Completion(found.text, start_position=-found.replaces, display=shown, display_meta=help)
