"""Questions in place of the prompt of `--mode cli`, on a real terminal."""

from collections.abc import Callable
from typing import Any

from .driver import Terminal

Start = Callable[..., Terminal]
ASKED = """
steps = [[("ask_animal", {}), ("ask_tree", {})], "An owl in an oak."]
"""
ASKING = """
from kt import Context, tool

@tool(effect="read")
async def ask_animal(ctx: Context[object]) -> str:
    \"\"\"Ask.\"\"\"
    return f"the animal is {await ctx.ask('Which animal?', ())}"

@tool(effect="read")
async def ask_tree(ctx: Context[object]) -> str:
    \"\"\"Ask.\"\"\"
    return f"the tree is {await ctx.ask('Which tree?', ())}"
"""


def test_several_questions_wait_one_after_the_other(start: Start, place: Any) -> None:
    place.write("asking.py", ASKING)
    place.write("c.yaml", 'name: tester\ntools: ["./asking.py:ask_animal", "./asking.py:ask_tree"]\n')
    terminal = start(script=ASKED)
    terminal.say("go")
    terminal.wait_screen(r"^Which animal\?$")
    terminal.wait_screen(r"1 more wait: Which tree\?")
    terminal.send("an owl\r")
    terminal.wait_screen(r"^Which tree\?$")
    terminal.wait_gone(r"more wait")
    terminal.send("an oak\r")
    terminal.wait("An owl in an oak.")
    told = "\n".join(part for _, _, parts in place.asked[-1] for part in parts)
    assert "the animal is an owl" in told
    assert "the tree is an oak" in told
    terminal.wait("? Which animal? -> an owl")
    terminal.wait("? Which tree? -> an oak")
    terminal.leave()


WRITES = """
steps = [
    [("bash", {"command": "echo 1 >> made"})], "First.",
    [("bash", {"command": "echo 1 >> made"})], "Second.",
]
"""


def test_always_is_remembered(start: Start, place: Any) -> None:
    terminal = start("--permissions", "ask", script=WRITES)
    terminal.say("go")
    terminal.wait_screen(r"^> 1\. yes$")
    terminal.wait_screen(r"^ *2\. yes, in this session$")
    terminal.key("down")
    terminal.wait_screen(r"^> 2\. yes, in this session$")
    terminal.key("enter")
    terminal.wait("First.")
    terminal.say("again")
    terminal.wait("Second.")
    assert (place.folder / "made").read_text() == "1\n1\n"
    terminal.leave()


def test_always_here_is_remembered_by_the_next_process(start: Start, place: Any) -> None:
    terminal = start("--permissions", "ask", script=WRITES)
    terminal.say("go")
    terminal.wait_screen(r"^ *3\. yes, always here$")
    terminal.send("3\r")
    terminal.wait("First.")
    terminal.leave()
    again = start("--permissions", "ask", script=WRITES)
    again.say("go")
    again.wait("First.")
    again.leave()
    assert (place.folder / "made").read_text() == "1\n1\n"


def test_a_no_with_a_reason_reaches_the_model(start: Start, place: Any) -> None:
    terminal = start("--permissions", "ask", script=WRITES)
    terminal.say("go")
    terminal.wait_screen(r"^> 1\. yes$")
    terminal.send("use the other file\r")
    terminal.wait("First.")
    told = "\n".join(part for _, _, parts in place.asked[-1] for part in parts)
    assert "use the other file" in told
    assert not (place.folder / "made").exists()
    terminal.wait("use the other file")
    terminal.wait_screen(r"^x bash .*refused")
    terminal.leave()


def test_esc_at_a_question_is_a_no(start: Start, place: Any) -> None:
    terminal = start("--permissions", "ask", script=WRITES)
    terminal.say("go")
    terminal.wait_screen(r"^> 1\. yes$")
    terminal.key("esc")
    terminal.wait("First.")
    assert not (place.folder / "made").exists()
    terminal.wait_screen(r"^x bash .*refused")
    terminal.leave()


def test_what_is_typed_stays_while_a_question_is_answered(start: Start, place: Any) -> None:
    terminal = start(script="async def ask(request):\n    await until('go')\n    yield said('', ToolCall('c1', "
                            "'ask_user', '{\"question\": \"Which tree?\"}'))\nsteps = [ask, 'Fine.']\n")  # fmt: skip
    terminal.say("go")
    terminal.send("half a thought")
    terminal.wait_screen(r"^> half a thought$")
    place.write("go", "")
    terminal.wait_screen(r"^Which tree\?$")
    terminal.send("an oak\r")
    terminal.wait("Fine.")
    terminal.wait_screen(r"^> half a thought$")
