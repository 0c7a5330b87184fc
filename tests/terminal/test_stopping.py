"""What waits, what is interrupted, and how one leaves, on a real terminal."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .driver import Terminal

Start = Callable[..., Terminal]
GATED = """
async def slow(request):
    yield "working "
    await until("go")
    yield "done"
    yield said("working done")
async def echo(request):
    yield said("You said: " + request.messages[-1].text)
steps = [slow, echo, echo]
"""


def test_up_takes_back_what_waits(start: Start, place: Any) -> None:
    terminal = start(script=GATED)
    terminal.say("begin")
    terminal.wait_screen(r"^working")
    terminal.send("for later")
    terminal.key("alt-enter")
    terminal.wait_screen(r"^\[next turn\] for later$")
    terminal.key("up")
    terminal.wait_screen(r"^> for later$")
    terminal.wait_gone(r"next turn")
    place.write("go", "")
    terminal.wait("working done")
    terminal.send("!")
    terminal.key("enter")
    terminal.wait("You said: for later!")
    assert len(place.asked) == 2
    terminal.leave()


def test_what_is_said_for_the_next_turn_is_said_then(start: Start, place: Any) -> None:
    terminal = start(script=GATED)
    terminal.say("begin")
    terminal.wait_screen(r"^working")
    terminal.send("for later")
    terminal.key("alt-enter")
    terminal.wait_screen(r"^\[next turn\] for later$")
    place.write("go", "")
    terminal.wait("You said: for later")
    terminal.wait_gone(r"next turn")
    assert terminal.scrollback().index("working done") < terminal.scrollback().index("> for later")
    terminal.leave()


BASH = """
steps = [[("bash", {"command": "sleep 1000"})], "After that."]
"""


def test_esc_ends_the_process_of_a_running_command(start: Start) -> None:
    marker = f"100{os.getpid()}.25"
    terminal = start(script=BASH.replace("1000", marker))
    terminal.say("go")
    terminal.wait_screen(r"^\S bash ")
    terminal.until(lambda: processes(marker) != [], "the process of the command")
    terminal.key("esc")
    terminal.wait("interrupted")
    terminal.until(lambda: not processes(marker), "the end of its processes")
    terminal.say("and now")
    terminal.wait("After that.")
    terminal.leave()


def processes(marker: str) -> list[int]:
    """Return the processes with a word in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            except OSError:
                continue
            if words[:2] == ["sleep", marker]:
                found.append(int(entry.name))
    return found


def test_ctrl_c_twice_leaves(start: Start) -> None:
    terminal = start(steps=[])
    terminal.key("ctrl-c")
    terminal.wait("Ctrl-C once more leaves")
    terminal.key("ctrl-c")
    assert terminal.ended() in (0, 130)


def test_ctrl_c_clears_the_prompt_first(start: Start) -> None:
    terminal = start(steps=["Hello."])
    terminal.send("no, not that")
    terminal.wait_screen(r"^> no, not that$")
    terminal.key("ctrl-c")
    terminal.wait_screen(r"^>$")
    terminal.say("this")
    terminal.wait("Hello.")
    assert "> no, not that" not in terminal.scrollback()
    terminal.leave()


def test_ctrl_d_leaves_and_says_how_to_go_on(start: Start, place: Any) -> None:
    terminal = start(steps=["I am here."])
    terminal.say("where are you?")
    terminal.wait("I am here.")
    terminal.leave()
    found = re.search(r"(kt resume \S+)", terminal.scrollback())
    assert found is not None
    place.write("more.json", '["Still here."]')
    words = [*place.words()[:1], *found[1].split()[1:], "--scripted", "more.json"]
    again = place.open(words)
    again.ready()
    again.wait("> where are you?")
    again.wait("I am here.")
    again.say("and now?")
    again.wait("Still here.")
    again.leave()


def test_ctrl_d_with_something_typed_does_not_leave(start: Start) -> None:
    terminal = start(steps=["Hello."])
    terminal.send("half a line")
    terminal.wait_screen(r"^> half a line$")
    terminal.key("ctrl-d")
    terminal.send(" and the rest")
    terminal.wait_screen(r"^> half a line and the rest$")
    terminal.key("enter")
    terminal.wait("Hello.")
    terminal.leave()


def test_ctrl_o_unfolds_the_output(start: Start) -> None:
    call = [{"tool": "bash", "args": {"command": "for i in 1 2 3 4 5 6 7 8 9; do echo row$i; done"}}]
    terminal = start(steps=[call, "Counted."])
    terminal.say("count")
    terminal.wait("Counted.")
    assert "row8" not in terminal.scrollback().partition("| ")[2]
    terminal.wait("more lines (ctrl-o shows them)")
    terminal.key("ctrl-o")
    terminal.wait("| row8")
    terminal.leave()
