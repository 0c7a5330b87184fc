"""Print what the terminal costs: `python tests/bench/terminal.py [--quick]` (about a minute).

Each figure is a ratio of medians that take turns with their floor, in pseudo-terminals: a bare prompt_toolkit loop for
keys and text, a bare Python for the start.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pexpect

KT = shutil.which("kt", path=str(Path(sys.executable).parent)) or "kt"
BARE = """
import asyncio, sys
from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout
async def talk():
    session = PromptSession("talk> ")
    while True:
        with patch_stdout():
            line = await session.prompt_async()
        print("answer " + line)
asyncio.run(talk())
"""
ANSWER = "\n\n".join([
    "# A heading",
    *(f"Paragraph {n} has **bold words**, `code` and a [link](https://example.org), and goes on." for n in range(30)),
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "```python\n" + "\n".join(f"value_{n} = compute({n}) + {n}" for n in range(60)) + "\n```",
    *(f"- item {n} of a list that is somewhat longer than its neighbours" for n in range(40)),
])[:8000]  # fmt: skip


class Terminal:
    """A process on a pseudo-terminal that answers where its cursor is, as terminals do."""

    def __init__(self, words: list[str], folder: Path) -> None:
        env = {**os.environ, "TERM": "xterm-256color", "KT_HOME": str(folder / "home")}
        self.began = time.perf_counter()
        self.child = pexpect.spawn(words[0], words[1:], cwd=folder / "work", env=env, dimensions=(30, 100), timeout=60)
        self.child.delaybeforesend = None

    def wait(self, text: str) -> float:
        """Return the seconds since the start at which a text came."""
        while self.child.expect_exact([text, "\x1b[6n"]):
            self.child.send("\x1b[10;1R")
        return time.perf_counter() - self.began

    def close(self) -> None:
        self.child.close(force=True)


def world(work: Path) -> None:
    (work / "home").mkdir()
    (work / "work").mkdir()
    steps = [f"answer {n}" for n in range(200)]
    (work / "steps.json").write_text(json.dumps(steps))
    (work / "bare.py").write_text(BARE)


def typed(terminal: Terminal, count: int) -> list[float]:
    """Return the seconds from each key to its echo."""
    out = []
    for n in range(count):
        key = "abcdefghij"[n % 10]
        began = time.perf_counter()
        terminal.child.send(key)
        terminal.wait(key)
        out.append(time.perf_counter() - began)
        time.sleep(0.02)
    return out


def answered(terminal: Terminal, count: int) -> list[float]:
    """Return the seconds from Enter to the first words of each answer."""
    out = []
    for _ in range(count):
        terminal.child.send("x")
        terminal.wait("x")
        began = time.perf_counter()
        terminal.child.send("\r")
        terminal.wait("answer")
        out.append(time.perf_counter() - began)
        time.sleep(0.2)
    return out


def against_bare(work: Path, measure: Callable[[Terminal, int], list[float]], count: int) -> float:
    ours = Terminal([KT, "run", "--scripted", str(work / "steps.json"), "--no-session"], work)
    ours.wait("accept-edits")
    bare = Terminal([sys.executable, str(work / "bare.py")], work)
    bare.wait("talk>")
    time.sleep(0.5)
    figures = statistics.median(measure(ours, count)), statistics.median(measure(bare, count))
    ours.close()
    bare.close()
    return figures[0] / figures[1]


def starting(work: Path, rounds: int) -> float:
    """Return the time until the prompt is there over that of a bare Python."""

    def prompt() -> float:
        terminal = Terminal([KT, "run", "--model", "scripted", "--no-session"], work)
        taken = terminal.wait("> ")
        terminal.wait("accept-edits")
        terminal.close()
        return taken

    def bare() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        return time.perf_counter() - began

    pairs = [(prompt(), bare()) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs) / statistics.median(p[1] for p in pairs)


def renders() -> float:
    """Return how often an answer of 8,000 characters, streamed in pieces of 20, is rendered as a whole."""
    from kt_chat.items import Answer
    from kt_inline.draw import Draw
    from kt_inline.view import View

    draw = Draw(width=100, colour=True)
    view, answer = View(draw, lambda: None), Answer()
    for at in range(0, len(ANSWER), 20):
        answer.text = ANSWER[: at + 20]
        view.changed(answer)
    answer.done = True
    view.changed(answer)
    return draw.rendered / len(ANSWER)


def main() -> None:
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        world(work)
        for text, figure, goal in (
            ("from a key to its echo / bare prompt_toolkit", against_bare(work, typed, 10 if quick else 100), 2.0),
            ("from Enter to an answer / bare prompt_toolkit", against_bare(work, answered, 5 if quick else 40), 2.0),
            ("renders of a streamed answer", renders(), 8.0),
            ("from the start to the prompt / bare Python", starting(work, 2 if quick else 15), 12.0),
        ):
            print(f"{text:<47}{figure:8.2f}   goal {goal}")


if __name__ == "__main__":
    main()
