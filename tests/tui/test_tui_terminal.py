"""`kt run --mode tui` in a pseudo-terminal: what a person sees, and the terminal that is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

KT = str(Path(sys.executable).with_name("kt"))
TOOLS = '''
import asyncio

from kt import Context, ToolNeeds, tool
from kt.events import QuestionAsked


@tool(effect="read")
async def hang() -> str:
    """Never end."""
    await asyncio.Event().wait()
    return ""


@tool(needs=ToolNeeds(writes=("@path",), net=("@host",)))
def put(ctx: Context[object], path: str, text: str, host: str) -> str:
    """Write what a host has."""
    (ctx.agent.pwd / path).write_text(text)
    return "written"


@tool
async def odd(ctx: Context[object]) -> str:
    """Ask what can't be shown."""
    private = "in a variable"
    return str(await ctx.agent.ask(QuestionAsked("", None))) + private
'''
PREVIEW = """
from kt import hookimpl


def preview(data, text):
    yield data["path"], text(data["path"]), data["text"]


@hookimpl
def kt_register(registry):
    registry.add("preview", "put", "kt_sight:preview", help="what put would do")
"""
CREATURE = """
name: tester
tools: ["./tools.py:hang", "./tools.py:put", "./tools.py:odd"]
subagents:
  - {name: scout, description: looks, prompt: You are scout.}
"""
KEYS = {"enter": "\r", "esc": "\x1b", "ctrl-d": "\x04", "alt-enter": "\x1b\r", "ctrl-g": "\x07"}
ENDS = [
    ("?1049h", "?1049l"), ("?25l", "?25h"), ("?1000h", "?1000l"), ("?1003h", "?1003l"), ("?1006h", "?1006l"),
    ("?2004h", "?2004l"), ("?1004h", "?1004l"),
]  # fmt: skip
"""What a full screen turns on in a terminal, and what turns it off."""


class Terminal:
    """A pseudo-terminal with `kt` in it. `raw` is all that was written, `text` what stands on the screen."""

    def __init__(self, folder: Path, env: dict[str, str], words: tuple[str, ...], size: tuple[int, int]) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        args = ["run", "./c.yaml", "--mode", "tui", *words]
        self.child = pexpect.spawn(KT, args, cwd=str(folder), env=env, dimensions=size[::-1], timeout=30)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def sees(self, *words: str) -> None:
        """Read until all of these are on the screen; fail after twenty seconds."""
        self._until(lambda: all(word in self.text for word in words))

    def _until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not true():
            assert time.monotonic() < end, f"it did not come:\n{self.text}"
            try:
                data = self.child.read_nonblocking(65536, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
            self._took(data)

    def _took(self, data: bytes) -> None:
        self.raw += data
        self._stream.feed(re.sub(rb"\x1b\[[<>=][\d;]*u", b"", data))  # pyte shows the end of kitty's sequences

    def type(self, text: str, *keys: str) -> None:
        """Type a text, then press keys."""
        self.child.send(text + "".join(KEYS[key] for key in keys))

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.screen.reset()  # so that what is seen was drawn for this size
        self.child.setwinsize(rows, columns)

    def ended(self) -> int:
        """Wait for the end; return the exit code."""
        while True:
            try:
                self._took(self.child.read_nonblocking(65536, timeout=30))
            except pexpect.EOF:
                break
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)

    def is_restored(self) -> bool:
        """Tell whether everything that was turned on was turned off later."""
        return all(
            0 <= self.raw.rfind(b"\x1b[" + on.encode()) < self.raw.rfind(b"\x1b[" + off.encode()) for on, off in ENDS
        )


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(home: Path, folder: Path, tmp_path: Path) -> Iterator[Open]:
    """Start `kt run --mode tui` on a script: `terminal(steps, *words, size=(110, 30), **environment)`."""
    opened: list[Terminal] = []
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KT_", "PYTHON")) and not k.endswith("_API_KEY")}
    for name in ("COLUMNS", "LINES"):
        kept.pop(name, None)  # where a test runner sets them, they would count more than the terminal
    env = {**kept, "KT_HOME": str(home), "TERM": "xterm-256color", "PYTHONPATH": str(_site(tmp_path, home))}
    (folder / "tools.py").write_text(TOOLS)
    (folder / "c.yaml").write_text(CREATURE)

    def start(steps: Any, *words: str, size: tuple[int, int] = (110, 30), **more: str) -> Terminal:
        (folder / "script.json").write_text(json.dumps(steps))
        opened.append(Terminal(folder, env | more, (*words, "--scripted", "script.json"), size))
        opened[-1].sees("^p commands")
        return opened[-1]

    yield start
    for each in opened:
        each.child.close(force=True)


def _site(tmp_path: Path, home: Path) -> Path:
    """Make a distribution that tells what the tool `put` would do, as an installer would, and approve it."""
    info = tmp_path / "site" / "kt_sight-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "kt_sight.py").write_text(PREVIEW)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kt-sight\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kt]\nsight = kt_sight\n")
    needs = {"reads": ["*"], "writes": ["*"], "net": ["*"], "exec": ["any"], "secrets": ["*"], "listen": ["*"]}
    home.mkdir()
    (home / "approved.json").write_text(json.dumps({"kt-sight": {"copy": "1.0", "needs": needs}}))
    return tmp_path / "site"


def call(tool: str, **args: Any) -> list[dict[str, Any]]:
    return [{"tool": tool, "args": args}]


def test_a_conversation(terminal: Open, folder: Path) -> None:
    (folder / "a.txt").write_text("one\ntwo\n")
    me = terminal([
        "**Hello** there.",
        call("put", path="a.txt", text="one\nTWO\n", host="x"), "Written.",
        call("hang"), "After it.",
        call("task", agent="scout", prompt="look around"), "Nine planets.", "It found nine.",
    ])  # fmt: skip
    me.type("hi", "enter")
    me.sees("> hi", "Hello there.", "tester idle")
    me.type("write", "enter")
    me.sees("Allow put?", "edited a.txt +1 -1", "2 - two", "2 + TWO", "1. yes")
    assert (folder / "a.txt").read_text() == "one\ntwo\n"
    me.type("1", "enter")
    me.sees("Written.")
    assert (folder / "a.txt").read_text() == "one\nTWO\n"
    me.type("wait", "enter")
    me.sees("o hang", "esc interrupts")
    me.type("afterwards", "alt-enter")
    me.sees("[next turn] afterwards")
    me.type("", "esc")
    me.sees("interrupted", "> afterwards", "After it.")
    me.resize(40, 15)
    me.sees("After it.", "scripted | up")
    assert "Creatures" not in me.text
    me.resize(110, 30)
    me.sees("After it.", "Creatures")
    me.type("delegate", "enter")
    me.sees("* scout s1", "look around", "It found nine.")
    assert not me.is_restored()
    me.type("", "ctrl-d")
    assert me.ended() == 0
    assert me.is_restored()
    assert re.search(rb"kept as \S+: kt resume \S+", me.raw)


def test_sigterm_ends_it_while_a_turn_runs_and_leaves_the_terminal_as_it_was(terminal: Open) -> None:
    me = terminal([call("hang")])
    me.type("go", "enter")
    me.sees("o hang")
    me.child.kill(signal.SIGTERM)
    assert me.ended() == 143
    assert me.is_restored()
    assert b"Traceback" not in me.raw


def test_a_crash_leaves_the_terminal_as_it_was_and_shows_no_variables(terminal: Open) -> None:
    me = terminal([call("odd"), "Well."])
    me.type("go", "enter")
    assert me.ended() == 70
    assert me.is_restored()
    end = me.raw[me.raw.rfind(b"\x1b[?1049l") :]
    assert b"error[E-BUG]" in end
    assert b"locals" not in end


def test_the_editor_has_the_terminal_for_itself(terminal: Open, folder: Path) -> None:
    (folder / "editor").write_text('#!/bin/sh\necho "in the editor"\nread answer\nprintf " $answer\\n" >> "$1"\n')
    (folder / "editor").chmod(0o755)
    me = terminal(["Hello."], VISUAL=str(folder / "editor"))
    me.type("some", "ctrl-g")
    me.sees("in the editor")
    assert me.is_restored()
    me.type("more\n")
    me.sees("some more", "^p commands")
    me.type("", "enter")
    me.sees("> some more", "Hello.")


def test_no_colour_means_no_colour(terminal: Open) -> None:
    me = terminal(["Hello **there**."], NO_COLOR="1")
    me.type("hi", "enter")
    me.sees("Hello there.")
    colours = {code for found in re.findall(rb"\x1b\[([\d;]+)m", me.raw) for code in found.split(b";")}
    assert not colours & {
        str(n).encode() for n in (*range(30, 39), *range(40, 49), *range(90, 98), *range(100, 108))
    }, colours


def test_without_a_terminal_it_says_so(home: Path, folder: Path) -> None:
    words = [KT, "run", "--mode", "tui", "--model", "scripted"]
    env = {**os.environ, "KT_HOME": str(home)}
    done = subprocess.run(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--mode tui needs a terminal" in done.stderr
