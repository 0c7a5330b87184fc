"""What was typed before, across sessions; a file that can't be read or written costs the memory and nothing else."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prompt_toolkit.history import FileHistory


class Remembered(FileHistory):
    """Keep what is typed in a file that only its owner reads; `tell` hears once why that does not work."""

    def __init__(self, file: Path, tell: Callable[[str], None]) -> None:
        super().__init__(str(file))
        self._tell: Callable[[str], None] | None = tell
        with self._told():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)

    def load_history_strings(self) -> Iterable[str]:
        found: list[str] = []
        with self._told():
            found += super().load_history_strings()
        return found

    def store_string(self, string: str) -> None:
        with self._told():
            super().store_string(string)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if self._tell is not None:
                tell, self._tell = self._tell, None
                tell(f"what you type is not remembered: {error}")
