"""What was typed before, across sessions; a file that can't be read or written costs the memory and nothing else."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import FileHistory


class Remembered(FileHistory):
    """Keep what is typed in a file that only its owner reads."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
