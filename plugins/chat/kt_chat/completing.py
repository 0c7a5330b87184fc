"""What may follow what was typed: commands after a slash, their words, and files after an @."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from kt import Agent

from .commands import commands_of, words_after
from .files import files_of, matching

FRESH = 5.0
"""Seconds for which the list of files is taken for true."""
MOST = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A completion: its `text` takes the place of the `replaces` characters before the cursor."""

    text: str
    replaces: int
    shown: str
    help: str = ""


class Completing:
    """Find the candidates, and remember the files of the agent's folder for a while."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._read = float("-inf")

    def after(self, agent: Agent, typed: str) -> list[Candidate]:
        """Return what may follow what stands before the cursor, at most 30. It may ask git, so call it in a thread."""
        word = "" if typed[-1:].isspace() else (typed.split() or [""])[-1]
        if typed.startswith("/") and "\n" not in typed:
            return list(_commands(agent, typed, word))[:MOST]
        if not word.startswith("@"):
            return []
        if monotonic() - self._read > FRESH:
            self._files, self._read = files_of(agent.pwd), monotonic()
        return [
            Candidate((f'@"{path}"' if " " in path else f"@{path}") + " ", len(word), path)
            for path in matching(self._files, word[1:], MOST)
        ]


def _commands(agent: Agent, typed: str, word: str) -> Iterator[Candidate]:
    name, space, _ = typed[1:].partition(" ")
    if not space:
        for known, help in commands_of(agent):
            if known.startswith(name):
                yield Candidate(f"/{known} ", len(typed), f"/{known}", help)
        return
    for possible in words_after(agent, name):
        if possible.startswith(word):
            yield Candidate(possible, len(word), possible)
