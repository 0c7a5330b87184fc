"""The command palette: the conversation's slash commands, and what the screen can do."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from kt_chat.commands import commands_of
from kt_chat.inert import one_line
from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.markup import escape

from .keys import HELP
from .viewer import Viewer

if TYPE_CHECKING:
    from .app import Tui

ACTIONS = (
    ("Panes", "show or hide the panes beside the conversation (f1)", "side"),
    ("Side by side", "a column for each creature of the team (f7)", "columns"),
    ("Colours", "the terminal's own, dark, light (f8)", "colours"),
    ("Clear", "clear the conversation from the screen (ctrl-l)", "clear"),
    ("Editor", "write the prompt in $EDITOR (ctrl-g)", "edit"),
    ("Keys", "what the keys do", "keys"),
    ("Leave", "end the conversation (ctrl-d)", "leave"),
)


def keys_viewer() -> Viewer:
    """Return what the keys do, as a screen."""
    width = max(len(key) for key, _ in HELP)
    return Viewer("keys", Text("\n").join(Text.assemble((f"{key:<{width}}  ", "bold"), said) for key, said in HELP))


class Commands(Provider):
    """Offer the slash commands, which go to the prompt, and the screen's own actions."""

    async def discover(self) -> Hits:
        for name, help, work in self._entries():
            yield DiscoveryHit(Text(name), work, text=name, help=escape(help))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, help, work in self._entries():
            if (score := max(matcher.match(name), matcher.match(help) / 2)) > 0:
                yield Hit(score, Text(name), work, text=name, help=escape(help))

    def _entries(self) -> Iterator[tuple[str, str, partial[Any]]]:
        app = cast("Tui", self.app)
        for title, help, action in ACTIONS:
            yield title, help, partial(app.run_action, action)
        if not app.chat.is_closed:
            for name, said in commands_of(app.chat.agent):
                yield f"/{name}", one_line(said, 120), partial(app.prompt.put, f"/{name} ")
