"""What was typed before, in the file that it shares with the surface `cli`."""

from datetime import datetime
from pathlib import Path

MOST = 2_000
"""Entries that are remembered."""


class History:
    """Go back and forth in what was typed; `file` keeps it, None for this conversation only.

    In the file an entry is a line with its time after "# ", then its lines, each after a "+".
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.entries = _read(file) if file is not None else []
        self._at, self._draft = len(self.entries), ""

    def add(self, text: str) -> None:
        """Keep what was sent. Raises OSError."""
        if text.strip() and self.entries[-1:] != [text]:
            self.entries = [*self.entries[1 - MOST :], text]
            if self._file is not None:
                _append(self._file, text)
        self._at, self._draft = len(self.entries), ""

    def back(self, now: str) -> str | None:
        """Return the entry before; None at the oldest. `now` is what stands there, kept while it is new."""
        if self._at == 0:
            return None
        if self._at == len(self.entries):
            self._draft = now
        self._at -= 1
        return self.entries[self._at]

    def forth(self) -> str | None:
        """Return the entry after, at last what was begun; None behind that."""
        if self._at >= len(self.entries):
            return None
        self._at += 1
        return self._draft if self._at == len(self.entries) else self.entries[self._at]


def _read(file: Path) -> list[str]:
    try:
        lines = file.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        return []
    entries: list[list[str]] = []
    begun = False
    for line in lines:
        if line.startswith("+"):
            if not begun:
                entries.append([])
            entries[-1].append(line[1:])
        begun = line.startswith("+")
    return ["\n".join(entry) for entry in entries][-MOST:]


def _append(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    lines = "".join(f"+{line}\n" for line in text.encode("utf-8", "replace").decode().split("\n"))
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"\n# {datetime.now()}\n{lines}")
