"""What the conversation on a terminal costs, beside a bare loop of prompt_toolkit, the library it is drawn with."""

import json
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns

BARE = """
import asyncio, time
from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal

async def answer(text):
    await run_in_terminal(lambda: print(text))

async def main():
    session = PromptSession()
    while True:
        await session.prompt_async("> ")
        asyncio.get_running_loop().create_task(answer(f"T{time.monotonic_ns()}E"))

asyncio.run(main())
"""
STAMP = """
import time

from kt import Message, Text, hookimpl


class Stamp:
    model = "stamp"

    async def stream(self, request):
        text = f"T{time.monotonic_ns()}E"
        yield text
        yield Message("assistant", [Text(text)], model="stamp", finish="stop")


def provider(model, options, host):
    return Stamp()


@hookimpl
def kt_register(registry):
    registry.provider("stamp", "kt_stamp:provider", help="says when it said so")
"""
PARAGRAPH = "Owls are **quiet** birds, and `hoot()` is what they say:\n\n- by night\n- by day\n\n"
PATIENCE = 60.0


class Pty:
    """A program on a pseudo-terminal; `read_until` waits for bytes of what it writes."""

    def __init__(self, words: list[str], env: dict[str, str], cwd: Path) -> None:
        self.began = monotonic_ns()
        self.fd, program = pty.openpty()
        self._process = subprocess.Popen(
            words, stdin=program, stdout=program, stderr=program, env=env, cwd=cwd, start_new_session=True,
        )  # fmt: skip
        os.close(program)
        self._unread = b""

    def write(self, data: bytes) -> int:
        """Type; return when, in nanoseconds."""
        os.write(self.fd, data)
        return monotonic_ns()

    def read_until(self, found: Callable[[bytes], int]) -> int:
        """Read until `found` returns a place that is not negative; return when, in nanoseconds; forget all up to it."""
        while (at := found(self._unread)) < 0:
            readable, _, _ = select.select([self.fd], [], [], PATIENCE)
            if not readable:
                raise TimeoutError(f"{self._unread[-300:]!r}")
            data = os.read(self.fd, 1 << 16)
            if b"\x1b[6n" in data:
                os.write(self.fd, b"\x1b[1;1R")
            self._unread += data
        self._unread = self._unread[at:]
        return monotonic_ns()

    def settle(self) -> None:
        """Read until nothing has come for a while."""
        while select.select([self.fd], [], [], 0.3)[0]:
            data = os.read(self.fd, 1 << 16)
            if b"\x1b[6n" in data:
                os.write(self.fd, b"\x1b[1;1R")
        self._unread = b""

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self.fd)


def _after(text: bytes) -> Callable[[bytes], int]:
    def found(data: bytes) -> int:
        at = data.find(text)
        return -1 if at < 0 else at + len(text)

    return found


def _environment(folder: Path) -> dict[str, str]:
    """Make the folder to work in below a home; return the environment."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    (folder / "work").mkdir()
    home = {"HOME": str(folder), "KT_HOME": str(folder / "home"), "PYTHONPATH": str(folder)}
    return {**kept, **home, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


@contextmanager
def _both() -> Iterator[tuple[Pty, Pty]]:
    """Yield kt and the bare loop, each at its prompt."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        info = folder / "kt_stamp-1.0.dist-info"
        info.mkdir()
        (folder / "kt_stamp.py").write_text(STAMP)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kt-stamp\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[kt]\nstamp = kt_stamp\n")
        (folder / "home").mkdir()
        (folder / "home" / "config.toml").write_text('model = "stamp"\n')
        needs = {"reads": ["*"], "writes": ["*"], "net": ["*"], "exec": ["any"], "secrets": ["*"], "listen": ["*"]}
        (folder / "home" / "approved.json").write_text(json.dumps({"kt-stamp": {"copy": "1.0", "needs": needs}}))
        env = _environment(folder)
        kt = Pty([_program(), "run", "--no-session"], env, folder / "work")
        bare = Pty([sys.executable, "-c", BARE], env, folder / "work")
        try:
            kt.read_until(_after(b"sandbox"))
            bare.read_until(_after(b">"))
            for each in (kt, bare):
                each.settle()
            yield kt, bare
        finally:
            kt.close()
            bare.close()


def _program() -> str:
    return str(Path(sys.executable).with_name("kt"))


def _ratio(once: Callable[[Pty], float], *, rounds: int) -> float:
    """Return the median of kt in units of the bare loop's, taken alternately."""
    with _both() as (kt, bare):
        pairs = [(once(bare), once(kt)) for _ in range(rounds)]
    return statistics.median(k for _, k in pairs) / statistics.median(b for b, _ in pairs)


def keystroke(*, rounds: int) -> float:
    """Return what a key costs until it is on the screen."""

    def once(terminal: Pty) -> float:
        began = terminal.write(b"w")
        taken = terminal.read_until(_after(b"w")) - began
        terminal.settle()
        terminal.write(b"\x7f")
        terminal.settle()
        return taken

    return _ratio(once, rounds=rounds)


def first_token(*, rounds: int) -> float:
    """Return what a text costs from when the model said it until it is on the screen."""

    def stamped(data: bytes) -> int:
        start = data.find(b"T")
        while start >= 0:
            digits = data[start + 1 : data.find(b"E", start)] if data.find(b"E", start) > 0 else b""
            if digits.isdigit() and len(digits) > 6:
                stamps.append(int(digits))
                return start + len(digits) + 2
            start = data.find(b"T", start + 1)
        return -1

    stamps: list[int] = []

    def once(terminal: Pty) -> float:
        terminal.write(b"go\r")
        taken = terminal.read_until(stamped) - stamps[-1]
        terminal.settle()
        return taken

    return _ratio(once, rounds=rounds)


def renders(*, characters: int) -> float:
    """Return how often the whole of a streamed answer is rendered."""
    from kt_chat.items import Answer
    from kt_inline.draw import Draw
    from kt_inline.view import View

    draw = Draw(width=100, colour=True)
    view = View(draw, lambda: None)
    answer = Answer()
    text = (PARAGRAPH * (characters // len(PARAGRAPH) + 1))[:characters]
    for at in range(0, len(text), 4):
        answer.text = text[: at + 4]
        view.changed(answer)
        view.above("answering", 0.0, "")
    answer.done = True
    view.changed(answer)
    return draw.rendered / len(text)


def start(*, rounds: int) -> float:
    """Return the wall time until the prompt is there, in units of bare python's whole start."""

    def bare() -> float:
        began = monotonic_ns()
        subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
        return monotonic_ns() - began

    def prompt() -> float:
        with tempfile.TemporaryDirectory() as name:
            words = [_program(), "run", "--model", "scripted"]
            terminal = Pty(words, _environment(Path(name)), Path(name) / "work")
            try:
                return terminal.read_until(_after(b"> ")) - terminal.began
            finally:
                terminal.close()

    prompt()
    pairs = [(bare(), prompt()) for _ in range(rounds)]
    return statistics.median(p for _, p in pairs) / statistics.median(b for b, _ in pairs)


def rows(*, quick: bool) -> list[tuple[str, float, float | None]]:
    """Return (measure, ratio, goal) rows."""
    rounds = 2 if quick else 25
    return [
        ("keystroke to echo / bare prompt_toolkit", keystroke(rounds=rounds), 2),
        ("first token to screen / bare prompt_toolkit", first_token(rounds=rounds), 2),
        ("whole renders of a streamed answer", renders(characters=800 if quick else 8000), 8),
        ("start to prompt / bare python", start(rounds=2 if quick else 9), 12),
    ]


if __name__ == "__main__":
    for name, ratio, goal in rows(quick="--quick" in sys.argv):
        print(f"{name:<48}{ratio:>8.2f}{goal if goal is not None else '-':>8}")
