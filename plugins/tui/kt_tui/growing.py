"""An answer that grows: what no later text can change of its Markdown is rendered once."""

import re
from io import StringIO

from kt_chat.inert import inert
from kt_chat.markdown import Answered
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

PIECE = 3_000
"""Characters after which a new piece begins: each costs a widget, and the last one is laid out again and again."""
_LINE_END = re.compile(r"\r\n|\r|\n")


class Growing:
    """Draw a text that grows, as pieces of which only the last can change. `renders` counts the characters of
    Markdown that were rendered.
    """

    def __init__(self) -> None:
        self.renders = 0
        self._width = 0
        self._taken = ""
        self._closed: list[Text] = []
        self._blocks: list[Text] = []
        self._rest = ""

    def draw(self, text: str, width: int, *, done: bool) -> list[Text]:
        """Return the text so far, `width` columns wide: its finished blocks as Markdown, the rest as it is.

        A piece but the last is the same object each time, until the text starts over or the width changes.
        """
        if width != self._width or not text.startswith(self._taken):
            self._width, self._taken, self._closed, self._blocks, self._rest = width, "", [], [], ""
        self._rest += text[len(self._taken) :]
        self._taken = text
        end = len(self._rest) if done else open_at(self._rest)
        if self._rest[:end].strip():
            self._take(self._rest[:end])
            self._rest = self._rest[end:]
        rest = [Text(inert(self._rest.strip("\n")))] if self._rest.strip() else []
        last = [_stacked([*self._blocks, *rest])] if self._blocks or rest else []
        return [*self._closed, *last]

    def _take(self, blocks: str) -> None:
        self.renders += len(blocks)
        self._blocks.append(rendered(blocks, self._width))
        if sum(len(block) for block in self._blocks) > PIECE:
            self._closed.append(_stacked(self._blocks))
            self._blocks = []


def _stacked(blocks: list[Text]) -> Text:
    return Text("\n\n").join(blocks)


def open_at(text: str) -> int:
    """Return where the last block of a Markdown text begins: only that one can still change."""
    starts = [token.map[0] for token in Markdown(text).parsed if token.level == 0 and token.map and token.nesting >= 0]
    if len(starts) < 2 or not starts[-1]:
        return 0
    return list(_LINE_END.finditer(text))[starts[-1] - 1].end()


def rendered(text: str, width: int) -> Text:
    """Return Markdown as it is to be read; links keep their address in words."""
    console = Console(
        file=StringIO(), width=width, force_terminal=True, color_system="standard", highlight=False, emoji=False
    )
    markdown = Answered(inert(text))
    lines = []
    for segments in console.render_lines(markdown, pad=False):
        line = Text()
        for segment in segments:
            line.append(segment.text, segment.style)
        line.rstrip()
        lines.append(line)
    while lines and not lines[0].plain:
        lines.pop(0)
    while lines and not lines[-1].plain:
        lines.pop()
    return Text("\n").join(lines)
