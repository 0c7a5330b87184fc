"""Draw items of a transcript as lines for a terminal, with its own colours and nothing else of its state."""

from io import StringIO
from typing import Any

from kt_chat.draw import Drawn, draw
from kt_chat.inert import inert
from kt_chat.items import Answer, Said
from kt_chat.markdown import Answered
from rich.console import Console
from rich.theme import Theme

THEME = {"markdown.code": "bold", "markdown.h1": "bold underline", "markdown.h2": "bold underline"}
"""Of rich's own styles those that a light terminal could not show."""


class Draw:
    """Make text with escape codes of our own out of items, `width` columns wide.

    Whatever a model or a tool wrote goes through `inert` first.
    """

    def __init__(self, *, width: int, colour: bool) -> None:
        self.width, self.colour = width, colour
        self.rendered = 0
        """Characters of Markdown that were rendered, for the benchmark."""

    def lines(self, *renderables: Any, room: int = 0) -> str:
        """Return what rich makes of some renderables, `room` columns narrower than the terminal."""
        out = StringIO()
        console = Console(
            file=out,
            theme=Theme(THEME),
            width=max(self.width - room, 20),
            force_terminal=True,
            color_system="standard" if self.colour else None,
            highlight=False,
            emoji=False,
            markup=False,
            legacy_windows=False,
        )
        for each in renderables:
            console.print(each)
        return out.getvalue()

    def markdown(self, text: str) -> str:
        """Return a block of Markdown as it is to be read, with an empty line before it.

        It is indented: what stands at the first column is kt's own, so that no answer looks like a call or a person.
        """
        self.rendered += len(text)
        drawn = [f"  {line.rstrip()}".rstrip() for line in self.lines(Answered(inert(text)), room=2).splitlines()]
        while drawn and not drawn[-1]:
            drawn.pop()
        while drawn and not drawn[0]:
            drawn.pop(0)
        return "\n".join(["", *drawn, ""])

    def item(self, item: Drawn | Answer, *, whole: bool = False) -> str:
        """Return a finished item; `whole` unfolds it."""
        if isinstance(item, Answer):
            return self.markdown(item.text)
        drawn = self.lines(draw(item, self.width, whole=whole))
        return f"\n{drawn}" if isinstance(item, Said) else drawn
