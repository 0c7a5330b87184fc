"""Terminals of all sorts: without colours, narrow, resized, dumb, none at all, and tmux."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .driver import PATIENCE, Terminal

Start = Callable[..., Terminal]
RICH = "# Head\n\nHello **you**, `code`\n\n```python\nprint(1)  # one\n```\n\n- x\n"
COLOUR = re.compile(rb"\x1b\[[\d;]*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38;[\d;]*|48;[\d;]*)m")


def test_no_color_means_none(start: Start) -> None:
    call = [{"tool": "bash", "args": {"command": "echo hi; exit 1"}}]
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        terminal = start(steps=[call, RICH], **env)
        terminal.say("go")
        terminal.wait("print(1)")
        terminal.wait("• x")
        terminal.leave()
        assert (COLOUR.search(terminal.raw) is not None) == coloured


def test_forty_columns_hold_it_all(start: Start, place: Any) -> None:
    long = "A sentence that is a good deal longer than forty columns can hold, and ends with an owl."
    call = [{"tool": "bash", "args": {"command": "echo " + "wide" * 30}}]
    terminal = start("--permissions", "ask", steps=[call, f"{RICH}\n{long}"], size=(40, 20))
    terminal.say(long)
    terminal.wait_screen(r"^> 1\. yes$")
    terminal.wait_screen(r"4\. no")
    terminal.key("enter")
    terminal.wait("ends with an owl.", times=2)
    terminal.wait("wide" * 5)
    assert all(len(line) <= 40 for line in terminal.scrollback().splitlines())
    terminal.leave()


STREAM = """
async def stream(request):
    text = ""
    for number in range(60):
        text += f"paragraph {number} has some words that go on\\n\\n"
        yield text[len(text) - len(f"paragraph {number} has some words that go on\\n\\n"):]
        await until(f"go{number // 20}")
    yield said(text)
steps = [stream]
"""


def test_a_resize_while_it_streams_loses_nothing(start: Start, place: Any) -> None:
    terminal = start(script=STREAM)
    terminal.say("go")
    terminal.wait("paragraph 0 has")
    terminal.resize(60, 20)
    place.write("go0", "")
    terminal.wait("paragraph 19 has")
    terminal.resize(120, 40)
    place.write("go1", "")
    terminal.wait("paragraph 39 has")
    terminal.resize(50, 12)
    place.write("go2", "")
    terminal.wait("paragraph 59 has")
    terminal.wait_gone("esc interrupts")
    # What was written, not where it stands: terminals fold old lines anew in ways of their own, and this one does not.
    said = re.findall(rb"paragraph (\d+) has", terminal.raw)
    assert {int(number) for number in said} == set(range(60))
    terminal.leave()


def test_a_dumb_terminal_gets_the_plain_lines(place: Any) -> None:
    terminal = place.open(place.words(steps=["Hello."]), TERM="dumb")
    terminal.wait("tester on scripted in")
    terminal.send("hi\r")
    terminal.wait("Hello.")
    terminal.key("ctrl-d")
    assert terminal.ended() == 0
    assert b"\x1b" not in terminal.raw


def test_pipes_get_the_plain_lines(place: Any) -> None:
    done = place.run("--mode", "plain", steps=["Hello."], stdin=b"hi\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Hello.\n", b"")


def test_the_mode_cli_needs_a_terminal(place: Any) -> None:
    done = place.run("--mode", "cli", steps=["Hello."], stdin=b"hi\n")
    assert done.returncode == 2
    assert done.stderr.startswith(b"error[E-USAGE]: --mode cli needs a terminal")


@pytest.fixture
def tmux(place: Any, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Run a command of a tmux server of our own, and return what it says."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    socket = str(tmp_path / "tmux")

    def command(*words: str) -> str:
        done = subprocess.run(
            [program, "-S", socket, "-f", "/dev/null", *words], cwd=place.folder, env=place.env, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        return done.stdout

    yield command
    command("kill-server")


def test_inside_tmux(tmux: Callable[..., str], place: Any) -> None:
    place.env["TERM"] = "xterm-256color"
    tmux("new-session", "-d", "-x", "100", "-y", "30", *place.words(steps=[RICH, "And **more**."]))

    def wait(text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in (shown := tmux("capture-pane", "-p", "-S", "-")):
            assert time.monotonic() < end, shown
            time.sleep(0.05)

    wait("Ctrl-D leaves")
    tmux("send-keys", "hello", "Enter")
    wait("print(1)")
    wait("• x")
    tmux("send-keys", "again", "Enter")
    wait("And more.")
    shown = tmux("capture-pane", "-p", "-S", "-")
    assert shown.index("> hello") < shown.index("Hello you") < shown.index("> again") < shown.index("And more.")
    tmux("send-keys", "C-d")
