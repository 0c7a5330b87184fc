"""The newest sessions, one line each, for who chooses one."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .lines import clock, count, one_line
from .listing import summary
from .names import load_all

if TYPE_CHECKING:
    from kt import Registry


def rows(registry: "Registry", limit: int) -> Iterator[tuple[Path, str]]:
    """Yield (file, line) of the newest sessions."""
    for path in islice(load_all(registry), limit):
        found = summary(path)
        state = "" if found.state == "ended" else f"{found.state}  "
        who = f"{clock(found.changed)}  {found.who}  {count(found.turns, 'turn')}"
        yield path, f"{who}  {state}{one_line(found.title, 60)}"
