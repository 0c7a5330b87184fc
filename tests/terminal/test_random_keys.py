"""Whatever is typed, and however it ends: no crash, no lost word, and the terminal as it was."""

import os
import random
import re
import select
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .driver import KEYS, PATIENCE, Terminal, squeezed

ROUND = 25
"""Sequences that one process gets."""
LETTERS = [chr(code) for code in range(0x100, 0x180)] + [chr(code) for code in range(0x410, 0x450)]
"""Each is typed once, so that each can be looked for."""
KEEPING = (
    "enter",
    "alt-enter",
    "ctrl-j",
    "left",
    "right",
    "home",
    "end",
    "ctrl-o",
    "ctrl-l",
    "esc",
    "ctrl-b",
    "ctrl-v",
)
"""Keys that leave what is typed as it is, or send it."""
ODD = (
    "\x1b[<0;5;5M", "\x1b[I", "\x1b[O", "\x1bOP", "\x1b[15~", "\x1b[1;5C", "\x1b[Z", "\x1b[200~pasted\nlines\x1b[201~",
    "\x00", "\x1b[99;99R", "\x1bx", "\x1c", "\x1d", "\x1e", "/", "@", "!", "#", "\\", "/help", "@c",
    "日本", "\u0301", "1",
)  # fmt: skip
SCRIPT = """
steps = ["An answer of **some** words.\\n\\n- and\\n- a list\\n",
         [("bash", {"command": "echo out; sleep 0.2"})], "Done.",
         [("ask_user", {"question": "Which tree?", "choices": ["oak", "elm"]})], "So be it."] * 500
"""


def sequences(seed: int, keys: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield random sequences: names of keys, text, and "resize COLUMNS ROWS"."""
    chance = random.Random(seed)
    for _ in range(ROUND):
        found = []
        for _ in range(chance.randint(3, 10)):
            if chance.random() < 0.1:
                found.append(f"resize {chance.randint(20, 140)} {chance.randint(6, 50)}")
            else:
                found.append(chance.choice(keys))
        yield found


def play(terminal: Terminal, sequence: list[str]) -> None:
    for each in sequence:
        if each.startswith("resize "):
            _, columns, rows = each.split()
            terminal.resize(int(columns), int(rows))
        else:
            terminal.send(KEYS.get(each, each))
        terminal.pump(0.01)
    while terminal.pump(0.05) and not terminal.over:
        pass


@pytest.fixture
def shell(place: Any) -> Any:
    """Return what starts a command line below a shell that notes the state of the terminal before and after."""

    def begin(words: list[str], **env: str) -> Terminal:
        # What is typed after the end of kt is the shell's business, which is to get over it.
        guarded = "trap : INT; trap '' QUIT TSTP; stty -ixon"
        line = f"{guarded}; stty -g > before; {shlex.join(words)}; echo ended with $?; trap '' INT; stty -g > after"
        terminal: Terminal = place.open(["/bin/sh", "-c", line], **env)
        return terminal

    return begin


def restored(terminal: Terminal, folder: Path) -> int:
    """Return the exit code of what the shell ran, once the terminal is found to be as it was."""
    terminal.ended()
    assert (folder / "after").read_text() == (folder / "before").read_text()
    for mode, wanted in (
        ("25", "h"),
        ("2004", "l"),
        ("1049", "l"),
        ("1000", "l"),
        ("1003", "l"),
        ("1006", "l"),
        ("7", "h"),
    ):
        switched = re.findall(rb"\x1b\[\?" + mode.encode() + rb"([hl])", terminal.raw)
        assert not switched or switched[-1].decode() == wanted, f"mode {mode}"
    said = re.search(r"endedwith(\d+)", squeezed(terminal.scrollback()))
    assert said is not None, terminal.scrollback()
    return int(said[1])


def many(count: int, offset: int) -> list[Any]:
    """Return the seeds of `count` sequences; those of the default set first, the others are slow."""
    quick = 3
    return [
        pytest.param(offset + number, marks=[pytest.mark.slow] if number >= quick else [])
        for number in range(count // ROUND)
    ]


@pytest.mark.parametrize("seed", many(500, 1000))
def test_any_keys_do_no_harm(place: Any, shell: Any, seed: int) -> None:
    terminal = shell(place.words(script=SCRIPT), EDITOR="true")
    terminal.ready()
    for sequence in sequences(seed, (*KEYS, *ODD, *"some words")):
        play(terminal, sequence)
        if terminal.over:
            break
    if not terminal.over:
        terminal.key("esc", "esc")
        terminal.pump(0.5)
        terminal.key("ctrl-c", "ctrl-c")
    assert restored(terminal, place.folder) in (0, 130)
    assert "Traceback" not in terminal.scrollback()
    assert "E-BUG" not in terminal.scrollback()


@pytest.mark.parametrize("seed", many(500, 2000))
def test_nothing_that_is_typed_is_lost(place: Any, shell: Any, seed: int) -> None:
    script = SCRIPT.replace('[("ask_user"', '[("bash", {"command": "true"})], [("bash"').replace(
        '{"question": "Which tree?", "choices": ["oak", "elm"]}', '{"command": "true"}'
    )
    terminal = shell(place.words(script=script))
    terminal.ready()
    letters, typed = iter(LETTERS), []
    for sequence in sequences(seed, (*KEEPING, *["letter"] * 8)):
        named = [next(letters) if key == "letter" else key for key in sequence]
        typed += [key for key in named if len(key) == 1]
        play(terminal, named)
    terminal.resize(100, 30)
    terminal.key("enter")
    terminal.until(lambda: "esc interrupts" not in terminal.screen() and not terminal.pump(0.5), "the end of the turns")
    terminal.say("last")
    terminal.until(lambda: any("last" in text for _, text, _ in place.asked[-1]), "the last message")
    terminal.until(lambda: "esc interrupts" not in terminal.screen() and not terminal.pump(0.5), "the end of the turns")
    said = "".join(text for request in place.asked for role, text, _ in request if role == "user")
    assert [letter for letter in typed if letter not in said] == []
    terminal.key("ctrl-d")
    assert restored(terminal, place.folder) == 0


def child_of(terminal: Terminal) -> int:
    """Return the process that the shell runs."""
    pid = terminal.child.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.parametrize("mode", ["cli", "tui"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_leaves_the_terminal_as_it_was(
    place: Any, shell: Any, mode: str, sent: signal.Signals, busy: bool
) -> None:
    script = "async def slow(request):\n    yield 'working '\n    await until('never')\nsteps = [slow]\n"
    terminal = shell(place.words("--mode", mode, script=script))
    if mode == "cli":
        terminal.ready()
    else:
        terminal.wait("a message, /command")
        terminal.wait("up 0 down 0")
    if busy:
        terminal.send("go\r")
        terminal.wait("working")
    os.kill(child_of(terminal), sent)
    assert restored(terminal, place.folder) == 143


@pytest.mark.parametrize("when", ["at the start", "later"])
def test_a_history_that_can_not_be_kept_is_no_crash(place: Any, shell: Any, when: str) -> None:
    history = place.home / "history"
    if when == "at the start":
        history.mkdir(parents=True)
    terminal = shell(place.words(steps=["Hello."]))
    terminal.ready()
    if when == "later":
        history.unlink()
        history.mkdir()
    terminal.say("hi")
    terminal.wait("Hello.")
    terminal.wait_screen(r"^>$")
    terminal.key("ctrl-d")
    assert restored(terminal, place.folder) == 0
    assert "Traceback" not in terminal.scrollback()


def test_a_tool_that_ends_the_process_leaves_the_terminal_as_it_was(place: Any, shell: Any) -> None:
    place.write(
        "tools.py",
        'from kt import tool\n\n@tool(effect="read")\ndef end() -> str:\n    """End."""\n    raise SystemExit(3)\n',
    )
    place.write("c.yaml", 'name: tester\ntools: ["./tools.py:end"]\n')
    terminal = shell(place.words(steps=[[{"tool": "end"}], "Still here."]))
    terminal.ready()
    terminal.say("go")
    terminal.pump(1)
    if not terminal.over:
        terminal.key("ctrl-d")
    assert restored(terminal, place.folder) in (0, 1, 3, 70)


def test_a_terminal_that_is_gone_ends_the_process(place: Any) -> None:
    terminal = place.start(steps=["Hello."])
    pid = terminal.child.pid
    terminal.hang_up()
    with os.fdopen(os.pidfd_open(pid)) as ended:
        assert select.select([ended], [], [], PATIENCE)[0] == [ended]
