"""kt terrarium watch: a team as a tree that follows what happens, from another process."""

import json
import os
import shutil
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from kt.errors import TurnCancelled

from .following import Follower, session_of
from .tree import TeamView, lines

if TYPE_CHECKING:
    from kt import Plugins

SECONDS = 1.0
PIPE = (120, 24)
"""Columns and rows where the output is no terminal."""


class Screen:
    """Show a team again and again: in place on a terminal, elsewhere only the lines that are new."""

    def __init__(self, *, as_json: bool, in_place: bool) -> None:
        self.as_json, self.in_place = as_json, in_place and not as_json
        self._shown: list[str] = []

    def show(self, team: TeamView) -> None:
        """Bring the output up to date."""
        if self.as_json:
            told = [json.dumps(asdict(team))]
        else:
            columns, rows = shutil.get_terminal_size(PIPE)
            told = lines(team, columns, colour=self._coloured())
            if self.in_place and len(told) >= rows:
                told = [*told[: rows - 2], f"({len(told) - rows + 2} more lines)"]
        if told != self._shown:
            self._write(told)
            self._shown = told

    def _write(self, told: list[str]) -> None:
        if self.in_place:
            back = f"\x1b[{len(self._shown)}A\x1b[J" if self._shown else ""
            sys.stdout.write("\r" + back + "".join(f"{line}\n" for line in told))
        else:
            known = set(self._shown)
            sys.stdout.write("".join(f"{line}\n" for line in told if line not in known))
        sys.stdout.flush()

    def _coloured(self) -> bool:
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def watch(plugins: "Plugins", session: str | None, *, once: bool, as_json: bool) -> int:
    """Show a team until Ctrl-C, or `once`; return the exit code. Raises NotFound, and ConfigError."""
    follower = Follower(plugins, session_of(plugins, session))
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    screen = Screen(as_json=as_json, in_place=terminal and not once)
    try:
        while True:
            screen.show(follower.look())
            if once:
                return 0
            time.sleep(SECONDS)
    except KeyboardInterrupt:
        return TurnCancelled.exit_code
