"""What may follow what was typed: commands after a slash, their words, and files after an @."""

from collections.abc import Callable, Iterator
from time import monotonic

from kt import Agent
from kt_chat.commands import commands_of, words_after
from kt_chat.files import files_of, matching
from kt_chat.inert import one_line
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

FRESH = 5.0
"""Seconds for which the list of files is taken for true."""


class Completions(Completer):
    """Complete for the agent that the conversation has when asked; before there is one, nothing."""

    def __init__(self, agent: Callable[[], Agent | None]) -> None:
        self._agent = agent
        self._files: list[str] = []
        self._read = float("-inf")

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        agent, typed = self._agent(), document.text_before_cursor
        if agent is None:
            return
        word = document.get_word_before_cursor(WORD=True)
        if typed.startswith("/") and "\n" not in typed:
            yield from _commands(agent, typed, word)
        elif word.startswith("@"):
            if monotonic() - self._read > FRESH:
                self._files, self._read = files_of(agent.pwd), monotonic()
            for path in matching(self._files, word[1:]):
                name = f'@"{path}"' if " " in path else f"@{path}"
                yield Completion(name, start_position=-len(word), display=one_line(path))


def _commands(agent: Agent, typed: str, word: str) -> Iterator[Completion]:
    name, space, _ = typed[1:].partition(" ")
    if not space:
        for known, help in commands_of(agent):
            if known.startswith(name):
                yield Completion(f"/{known}", start_position=-len(typed), display_meta=one_line(help, 70))
        return
    for possible in words_after(agent, name):
        if possible.startswith(word):
            yield Completion(possible, start_position=-len(word))
