"""The same conversation on every surface: whatever a person must see can be seen there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from . import rich_session
from .driver import Terminal

WIDE = (160, 250)
"""Columns and rows of a screen on which it all fits."""


@pytest.fixture
def rich(place: Any) -> Any:
    """Return a place with the creature and the files of the conversation."""
    place.write("c.yaml", rich_session.CREATURE)
    for name, text in rich_session.FILES.items():
        place.write(name, text)
    return place


def answer(terminal: Terminal, question: str, words: str) -> None:
    """Answer a question once it is on the screen."""
    terminal.wait_screen(question)
    terminal.send(words + "\r")
    terminal.pump(0.2)


def work(terminal: Terminal, place: Any) -> None:
    """Play the person up to the end of the work."""
    terminal.say("show me")
    terminal.wait("That is the end of it.")
    terminal.wait_gone("esc interrupts")
    terminal.say("work")
    answer(terminal, r"Allow write\?", "1")
    answer(terminal, r"Allow edit\?", "1")
    answer(terminal, r"Allow bash\?", "leave that file alone")
    answer(terminal, r"Which tree do owls like\?", "an old oak")
    terminal.wait("The work is finished.")
    terminal.say("wait for it")
    answer(terminal, r"until \[ -e go \]", "1")


def sleep(terminal: Terminal, place: Any, interrupt: str, meanwhile: str = "") -> None:
    """Play the person from the command that never ends on; `meanwhile` is typed while it runs."""
    answer(terminal, r"sleep 1000", "1")
    terminal.until((place.folder / "slept").exists, "the command that sleeps")
    terminal.send(meanwhile)
    terminal.wait(meanwhile)
    terminal.key(interrupt)
    terminal.wait("interrupted")
    terminal.say("one more")
    terminal.wait("the script ended after")


def exported(place: Any) -> str:
    """Return all strings of the session's export."""
    done = place.command("sessions", "export", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    return "\n".join(strings([json.loads(line) for line in done.stdout.splitlines()]))


def strings(data: Any) -> Iterator[str]:
    """Yield each string within an object of JSON."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list | dict):
        for each in data.values() if isinstance(data, dict) else data:
            yield from strings(each)


def test_on_a_terminal_with_its_scrollback(rich: Any) -> None:
    terminal = rich.start("--permissions", "ask", steps=rich_session.STEPS, size=WIDE)
    work(terminal, rich)
    terminal.wait_screen(r"^\S bash until")
    terminal.say("look there as well")
    terminal.wait_screen(r"^\[joins the turn\] look there as well$")
    terminal.send("and then sleep")
    terminal.key("alt-enter")
    terminal.wait_screen(r"^\[next turn\] and then sleep$")
    rich.write("go", "")
    terminal.wait("I looked there too.")
    sleep(terminal, rich, "esc")
    assert rich_session.missing(terminal.scrollback()) == []
    terminal.leave()
    assert rich_session.unsaid(exported(rich), person=True) == []


def test_on_a_full_screen(rich: Any) -> None:
    words = rich.words("--permissions", "ask", "--mode", "tui", steps=rich_session.STEPS)
    terminal = rich.open(words, size=WIDE)
    terminal.wait("a message, /command")
    terminal.pump(1)
    work(terminal, rich)
    terminal.wait_screen(r"bash until")
    terminal.say("look there as well")
    terminal.wait_screen(r"joins the turn.*look there as well")
    terminal.send("and then sleep")
    terminal.key("alt-enter")
    terminal.wait_screen(r"next turn.*and then sleep")
    rich.write("go", "")
    terminal.wait("I looked there too.")
    sleep(terminal, rich, "esc")
    terminal.until(lambda: rich_session.missing(terminal.screen()) == [], "all of it")
    terminal.leave()


def test_line_by_line(rich: Any) -> None:
    words = rich.words("--permissions", "ask", "--mode", "plain", steps=rich_session.STEPS)
    terminal = rich.open(words, size=WIDE)
    terminal.wait_screen(r"^>$")
    work(terminal, rich)
    terminal.send("look there as well\r")
    terminal.wait_screen(r"^look there as well$")
    rich.write("go", "")
    terminal.wait("I looked there too.")
    sleep(terminal, rich, "ctrl-c", "and then sleep\r")
    assert rich_session.missing(terminal.scrollback()) == []
    terminal.leave()


def test_as_events(rich: Any) -> None:
    out = ""
    turns = (("show me", rich_session.SHOW), ("work", rich_session.WORK), ("one more", []))
    for number, (prompt, steps) in enumerate(turns):
        options = ("--output", "stream-json", "--permissions", "auto")
        words = rich.words(prompt, *options, steps=steps)
        if number:
            words = [words[0], "resume", "--last", *words[words.index(prompt) :]]
            words = [word for word in words if word not in ("--permissions", "auto")]
        done = rich.finish(words)
        assert b"Traceback" not in done.stderr
        out += done.stdout.decode()
    events = [json.loads(line) for line in out.splitlines()]
    assert rich_session.unsaid("\n".join(strings(events)), person=False) == []
