"""What is typed into the prompt of `--mode cli`, on a real terminal."""

import stat
from collections.abc import Callable
from typing import Any

import pytest

from .driver import KEYS, Terminal

Start = Callable[..., Terminal]
ECHO = """
async def echo(request):
    yield said("You said: " + request.messages[-1].text)
steps = [echo] * 20
"""


def users(place: Any) -> list[str]:
    """Return what the model of a Python script was sent last of the person."""
    return [text for role, text, _ in place.asked[-1] if role == "user"]


def test_the_history_is_there_in_the_next_process(start: Start) -> None:
    first = start(steps=["One."])
    first.say("remember this line")
    first.wait("One.")
    first.leave()
    second = start(steps=["Two."])
    second.key("up")
    second.wait_screen(r"^> remember this line$")
    second.key("enter")
    second.wait("Two.")
    second.leave()


@pytest.mark.parametrize("way", ["ctrl-j", "alt-enter", "backslash"])
def test_a_message_may_have_several_lines(start: Start, place: Any, way: str) -> None:
    terminal = start(script=ECHO)
    terminal.send("first\\\r" if way == "backslash" else "first" + KEYS[way])
    terminal.send("second")
    terminal.wait_screen(r"^> first\n *second$")
    terminal.key("enter")
    terminal.wait("You said: first second")
    assert users(place) == ["first\nsecond"]
    terminal.leave()


def test_a_large_paste_is_a_few_words_and_sent_whole(start: Start, place: Any) -> None:
    terminal = start(script=ECHO)
    pasted = "\n".join(f"line {number}" for number in range(200))
    terminal.send("look at ")
    terminal.paste(pasted)
    terminal.wait_screen(r"^> look at \[pasted 1: 200 lines\]$")
    terminal.send(" please")
    terminal.key("enter")
    terminal.wait("line 199")
    assert users(place) == [f"look at {pasted} please"]
    terminal.leave()


def test_a_small_paste_with_a_line_break_is_not_sent_by_itself(start: Start, place: Any) -> None:
    terminal = start(script=ECHO)
    terminal.paste("rm -rf here\r\nand there")
    terminal.wait_screen(r"^> rm -rf here\n *and there$")
    assert place.asked == []
    terminal.key("enter")
    terminal.wait("You said: rm -rf here")
    assert users(place) == ["rm -rf here\nand there"]
    terminal.leave()


def test_a_file_is_completed_and_goes_along(start: Start, place: Any) -> None:
    place.write("notes_of_monday.txt", "buy an owl\n")
    terminal = start(script=ECHO)
    terminal.send("read @notes_o")
    terminal.wait_screen(r"notes_of_monday\.txt")
    terminal.key("tab")
    terminal.wait_screen(r"^> read @notes_of_monday\.txt")
    terminal.key("enter")
    terminal.key("enter")
    terminal.wait("You said:")
    _, _, parts = place.asked[-1][-1]
    assert parts[0] == "read @notes_of_monday.txt"
    assert "buy an owl" in parts[1]
    terminal.wait("> read @notes_of_monday.txt (+1)")
    terminal.leave()


def test_a_command_is_completed_with_what_it_does(start: Start) -> None:
    terminal = start(steps=[])
    terminal.send("/too")
    terminal.wait_screen(r"/tools +list the agent's tools")
    terminal.key("tab")
    terminal.wait_screen(r"^> /tools")
    terminal.key("enter")
    terminal.key("enter")
    terminal.wait("ask_user  ")
    terminal.leave()


def test_a_shell_command_runs_and_the_model_is_told(start: Start, place: Any) -> None:
    terminal = start(script=ECHO)
    terminal.say("!echo $((6*7)) > made; cat made; exit 3")
    terminal.wait_screen(r"^\S ! .*failed")
    terminal.wait("| 42")
    assert place.asked == []
    terminal.say("what came of it?")
    terminal.wait("You said:")
    _, _, parts = place.asked[-1][-1]
    told = "\n".join(parts)
    assert "cat made" in told
    assert "exit=3" in told
    assert "42\n" in told
    terminal.wait("> what came of it?")
    assert "<shell" not in terminal.scrollback()
    terminal.leave()


def test_a_note_goes_into_agents_md(start: Start, place: Any) -> None:
    file = place.write("AGENTS.md", "- be kind\n")
    terminal = start(script=ECHO)
    terminal.say("# tests live in tests/")
    terminal.wait("noted in")
    assert file.read_text() == "- be kind\n- tests live in tests/\n"
    assert place.asked == []
    terminal.leave()


def test_the_editor_writes_the_prompt(start: Start, place: Any) -> None:
    editor = place.write("editor", '#!/bin/sh\nprintf "from the editor\\nwith a line" >> "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    terminal = start(script=ECHO, EDITOR=str(editor), VISUAL=str(editor))
    terminal.send("begun ")
    terminal.wait_screen(r"^> begun")
    terminal.key("ctrl-g")
    terminal.wait_screen(r"^> begun from the editor\n *with a line$")
    terminal.key("enter")
    terminal.wait("You said: begun from the editor")
    assert users(place) == ["begun from the editor\nwith a line"]
    terminal.leave()
