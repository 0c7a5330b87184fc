"""The conversation on a full screen: what is said, shown, folded, taken back, interrupted."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kt import Text, ToolResult, tool
from kt_tui.conversation import MOST, Entry

from .conftest import Talk

pytestmark = pytest.mark.anyio


@tool(effect="read")
def count(to: int) -> str:
    """Count."""
    return "\n".join(f"line {number}" for number in range(to))


async def test_a_turn_is_shown_and_markup_is_only_text(talk: Talk) -> None:
    async with talk(["**Hello** [b]you[/b] [@click=app.exit]x[/] \x1b[2J.\n\n1. one\n2. two"]) as me:
        await me.type("[red]hi", "enter")
        await me.sees("> [red]hi", "Hello [b]you[/b] [@click=app.exit]x[/] \\x1b[2J.", " 1 one", " 2 two")
        assert "**" not in me.text
        await me.sees("scripted | up", "tester idle")


async def test_a_call_is_folded_and_ctrl_o_unfolds_it(talk: Talk) -> None:
    async with talk([[("count", {"to": 12})], "Counted."], tools=[count], size=(100, 40)) as me:
        await me.type("go", "enter")
        await me.sees("* count to=12", "| line 3", "... 8 more lines", "Counted.")
        assert "line 4" not in me.text
        await me.press("ctrl+o")
        await me.sees("| line 11")
        await me.press("ctrl+o")
        await me.sees("... 8 more lines")


async def test_several_lines_history_and_a_trailing_backslash(talk: Talk, home: Path) -> None:
    async with talk(["One.", "Two."]) as me:
        await me.type("a", "ctrl+j")
        await me.type("b\\", "enter")
        await me.type("c", "enter")
        await me.sees("One.")
        assert me.agent.history[0].text == "a\nb\nc"
        await me.type("draft", "up")
        assert me.app.prompt.text == "a\nb\nc"
        await me.press("down")
        assert me.app.prompt.text == "draft"
    kept = (home / "history").read_text()
    assert kept.endswith("+a\n+b\n+c\n")
    assert (home / "history").stat().st_mode & 0o777 == 0o600
    async with talk(["Three."]) as me:
        await me.press("up")
        assert me.app.prompt.text == "a\nb\nc"


async def test_esc_interrupts_and_the_conversation_goes_on(talk: Talk) -> None:
    never = asyncio.Event()

    async def hang(request: Any) -> str:
        await never.wait()
        return ""

    async with talk([hang, "Back again."]) as me:
        await me.type("go", "enter")
        await me.sees("thinking", "esc interrupts")
        await me.press("escape")
        await me.sees("interrupted")
        await me.type("again", "enter")
        await me.sees("Back again.")


async def test_what_waits_is_seen_and_taken_back(talk: Talk) -> None:
    go = asyncio.Event()

    async def slow(request: Any) -> str:
        await go.wait()
        return "First."

    async with talk([slow, "Second."]) as me:
        await me.type("one", "enter")
        await me.sees("thinking")
        await me.type("steer", "enter")
        await me.type("later", "alt+enter")
        await me.sees("[joins the turn] steer", "[next turn] later")
        await me.press("up")
        assert me.app.prompt.text == "later"
        await me.press("ctrl+c")
        assert me.app.prompt.text == ""
        go.set()
        await me.sees("> steer  [joined the turn]", "Second.")
        assert "later" not in me.text


async def test_completion_of_commands_and_files(talk: Talk, folder: Path) -> None:
    (folder / "notes.txt").write_text("buy milk")
    async with talk(["Read."]) as me:
        await me.type("/hel")
        await me.sees("/help  list these")
        await me.press("tab")
        assert me.app.prompt.text == "/help "
        await me.press("enter")
        await me.sees("/tools", "!COMMAND runs in your shell")
        await me.type("see @not")
        await me.sees(" notes.txt")
        await me.press("down", "enter")
        assert me.app.prompt.text == "see @notes.txt "
        await me.press("enter")
        await me.sees("Read.")
        assert any("buy milk" in part.text for part in me.agent.history[0].parts if isinstance(part, Text))


async def test_the_oldest_items_leave_the_screen(talk: Talk) -> None:
    async with talk() as me:
        for number in range(MOST + 20):
            me.app.chat.transcript.note(f"note {number}")
        await me.sees(f"note {MOST + 19}")
        await me.until(lambda: len(me.app.query(Entry)) == MOST)
        me.app.chat.transcript.note("one more")
        await me.sees("one more")
        await me.until(lambda: len(me.app.query(Entry)) == MOST)


async def test_the_palette_puts_a_command_into_the_prompt(talk: Talk) -> None:
    async with talk() as me:
        await me.press("ctrl+p")
        await me.sees("Side by side")
        await me.type("/copy")
        await me.sees("clipboard: /copy [code]")
        await me.press(*["backspace"] * 4)
        await me.type("tools")
        await me.sees("list the agent's tools")
        await me.press("enter")
        await me.until(lambda: me.app.prompt.text == "/tools ")


async def test_it_works_at_40_columns_and_the_panes_take_its_place(talk: Talk) -> None:
    async with talk(["A long answer that has to be wrapped " * 3], size=(40, 15)) as me:
        assert "Creatures" not in me.text
        await me.type("hi", "enter")
        await me.sees("wrapped", "> hi")
        await me.press("f1")
        await me.sees("Creatures", "tester")
        assert "wrapped" not in me.text
        await me.press("f1")
        await me.sees("wrapped")
        await me.pilot.resize_terminal(120, 30)
        await me.sees("Creatures", "wrapped")
        await me.pilot.resize_terminal(40, 15)
        await me.sees_no("Creatures")


async def test_no_colour(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with talk(["*Hello*"]) as me:
        await me.type("hi", "enter")
        await me.sees("Hello")
        assert me.app.no_color


async def test_ctrl_d_leaves_only_on_an_empty_prompt(talk: Talk) -> None:
    async with talk() as me:
        await me.type("ab", "home", "ctrl+d")
        assert me.app.prompt.text == "b"
        await me.press("ctrl+d", "delete")
        await me.press("ctrl+d")
        await me.until(lambda: not me.app.is_running)


async def test_a_session_that_is_opened_takes_the_place_of_this_one(talk: Talk) -> None:
    async with talk(["First.", "Second."]) as me:
        await me.type("one", "enter")
        await me.sees("First.")
        await me.app.chat.switch("")
        await me.sees_no("First.")
        await me.type("two", "enter")
        await me.sees("Second.")


async def test_a_result_with_an_error_is_seen(talk: Talk) -> None:
    @tool(effect="read")
    def bad() -> ToolResult:
        """Fail."""
        return ToolResult("", [Text("[red]no[/red] luck")], is_error=True)

    async with talk([[("bad", {})], "Too bad."], tools=[bad]) as me:
        await me.type("go", "enter")
        await me.sees("x bad", "| [red]no[/red] luck", "Too bad.")
