"""A terminal that a test looks at: a program on a pseudo-terminal, its screen, its scrollback, its bytes."""

import os
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pexpect
import pyte

PATIENCE = 40.0
"""Seconds after which what a test waits for does not come."""
KEYS = {
    "enter": "\r", "esc": "\x1b", "tab": "\t", "backspace": "\x7f", "alt-enter": "\x1b\r",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F",
    **{f"ctrl-{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}  # fmt: skip


class Emulator(pyte.HistoryScreen):
    """A screen that keeps what scrolls off, also when it becomes lower, and answers what a program asks of it."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], object]) -> None:
        super().__init__(columns, rows, history=20_000)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Become larger or smaller as xterm does: empty rows below the cursor go first, then the upper ones scroll."""
        for _ in range(max(0, self.cursor.y + 1 - (lines or self.lines))):
            at = self.cursor.y
            self.cursor.y = self.lines - 1
            self.index()
            self.cursor.y = at - 1
        kept = self.cursor.y, self.cursor.x
        rows = [self.buffer[y] for y in range(min(lines or self.lines, self.lines))]
        super().resize(lines, columns)
        for y, row in enumerate(rows):
            self.buffer[y] = row
        self.cursor.y, self.cursor.x = kept[0], min(kept[1], self.columns - 1)


class Terminal:
    """Run a program on a pseudo-terminal of `size` (columns, rows); `raw` is every byte that it wrote."""

    def __init__(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], size: tuple[int, int] = (100, 30)
    ) -> None:
        columns, rows = size
        self.raw = b""
        self._answers: list[str] = []
        self.emulator = Emulator(columns, rows, self._answers.append)
        self._stream = pyte.ByteStream(self.emulator)
        self.child: Any = pexpect.spawn(
            words[0], list(words[1:]), cwd=str(cwd), env={"TERM": "xterm-256color", **env}, dimensions=(rows, columns),
            timeout=PATIENCE,
        )  # fmt: skip
        self.child.delaybeforesend = None
        self.over = False

    # What a person does

    def send(self, text: str | bytes) -> None:
        """Type text as it is."""
        data = text.encode() if isinstance(text, str) else text
        while data and not self.over:
            _, writable, _ = select.select([], [self.child.child_fd], [], 0.05)
            if writable:
                data = data[os.write(self.child.child_fd, data[:256]) :]
            if data:
                self.pump(0)

    def key(self, *names: str) -> None:
        """Press keys by their names, see KEYS."""
        for name in names:
            self.send(KEYS[name])

    def say(self, text: str) -> None:
        """Type a line and press enter, once it is on the prompt."""
        self.send(text)
        self.until(lambda: squeezed(text)[-20:] in squeezed(self.screen()), f"{text!r} on the prompt")
        self.key("enter")

    def paste(self, text: str) -> None:
        """Paste as terminals do, in brackets."""
        self.send(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        self.emulator.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def signal(self, number: signal.Signals) -> None:
        self.child.kill(number)

    # What a person sees

    def screen(self) -> str:
        """Return the rows of the screen, without spaces at their ends."""
        return "\n".join(line.rstrip() for line in self.emulator.display).rstrip()

    def scrollback(self) -> str:
        """Return all that scrolled off, then the screen."""
        columns = self.emulator.columns
        gone = ["".join(row[x].data for x in range(columns)).rstrip() for row in self.emulator.history.top]
        return "\n".join([*gone, self.screen()])

    def pump(self, seconds: float) -> bool:
        """Take in what the program writes within some seconds; return whether there was anything."""
        try:
            data = self.child.read_nonblocking(1 << 16, timeout=seconds)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            self.over = True
            return False
        self.raw += data
        self._stream.feed(data)
        answers, self._answers[:] = "".join(self._answers), []
        if answers:
            self.send(answers)
        return True

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds of the screen; fail with what is there."""
        end = time.monotonic() + PATIENCE
        while not holds():
            if self.over or time.monotonic() > end:
                raise AssertionError(f"{what} did not come:\n{self.scrollback()}\n(ended: {self.over})")
            self.pump(0.05)

    def wait(self, text: str, times: int = 1) -> None:
        """Wait until a text stands in scrollback or screen so many times, however its lines are broken."""
        wanted = squeezed(text)
        self.until(lambda: squeezed(self.scrollback()).count(wanted) >= times, repr(text))

    def wait_screen(self, pattern: str) -> None:
        """Wait until a pattern (MULTILINE) is found on the screen as it is now."""
        self.until(lambda: re.search(pattern, self.screen(), re.MULTILINE) is not None, pattern)

    def wait_gone(self, pattern: str) -> None:
        self.until(lambda: re.search(pattern, self.screen(), re.MULTILINE) is None, f"the end of {pattern}")

    def ready(self) -> None:
        """Wait for the greeting and an empty prompt."""
        self.wait("Ctrl-D leaves")
        self.wait_screen(r"^>$")

    def ended(self) -> int:
        """Wait for the end; return the exit code, or minus the number of the signal that ended it."""
        end = time.monotonic() + PATIENCE
        while not self.over:
            assert time.monotonic() < end, f"it does not end:\n{self.scrollback()}"
            self.pump(0.05)
        self.child.close()
        code: int | None = self.child.exitstatus
        return -int(self.child.signalstatus) if code is None else code

    def leave(self) -> None:
        """Press ctrl-d, and see that it was a normal end."""
        self.key("ctrl-d")
        assert self.ended() == 0

    def hang_up(self) -> None:
        """Take the terminal away, as a closed window does."""
        self.child.ptyproc.fileobj.close()
        self.over = True

    def close(self) -> None:
        self.child.close(force=True)


def squeezed(text: str) -> str:
    """Return text without white space, which a terminal breaks lines with."""
    return "".join(text.split())
