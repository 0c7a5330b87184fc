"""The panes beside the conversation, and the creatures of a team side by side."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kt import Context, Plugins, Request, ToolNeeds, tool
from kt.events import Advice
from kt.testing import ScriptedLLM
from kt_tui.events import MOST

from .conftest import Talk

pytestmark = pytest.mark.anyio


class Cast:
    """Play each agent by the script of the name in its prompt, "You are NAME."."""

    model = "cast"

    def __init__(self, **scripts: Any) -> None:
        self.scripts = {name: ScriptedLLM(steps) for name, steps in scripts.items()}

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        name = next(name for name in self.scripts if f"You are {name}" in request.system)
        async for item in self.scripts[name].stream(request):
            yield item


@tool(needs=ToolNeeds(writes=("@path",)))
def put(ctx: Context[object], path: str, text: str) -> str:
    """Write a file."""
    (ctx.agent.pwd / path).write_text(text)
    return "written"


@tool
def plan(ctx: Context[object]) -> str:
    """Make a plan."""
    ctx.agent.state["todo"] = [{"text": "buy [b]milk", "status": "done"}, {"text": "drink it", "status": "active"}]
    return "planned"


async def test_todo_files_and_events(talk: Talk, folder: Path) -> None:
    steps = [[("plan", {}), ("put", {"path": "a.txt", "text": "one\n[red]two"})], "Done."]
    async with talk(steps, tools=[plan, put], size=(110, 30)) as me:
        await me.type("go", "enter")
        await me.sees("Done.")
        await me.press("f4")
        await me.sees("[x] buy [b]milk", "[>] drink it")
        await me.press("f5")
        await me.sees("+2 -0 a.txt")
        await me.press("down", "enter")
        await me.sees("created a.txt +2 -0", "2 + [red]two", "esc closes")
        await me.press("escape")
        await me.sees_no("esc closes")
        await me.press("f6")
        await me.sees("tool_started plan", "tool_started put a.txt", "turn_ended")
        assert "text_delta" not in me.text
        await me.press("escape")
        assert me.app.focused is me.app.prompt


async def test_the_log_of_events_is_bounded(talk: Talk) -> None:
    async with talk(size=(110, 30)) as me:
        await me.press("f6")
        for number in range(MOST + 50):
            me.agent.bus.publish(Advice(f"advice {number}"))
        await me.sees(f"advice {MOST + 49}")
        assert len(me.app.side.events.lines) == MOST


async def test_a_job_is_seen_put_away_and_stopped(talk: Talk) -> None:
    never = asyncio.Event()

    @tool(background=True)
    async def wait(what: str) -> str:
        """Wait."""
        await never.wait()
        return ""

    async with talk([[("wait", {"what": "rain"})], "It waits.", "It was stopped."], tools=[wait], size=(110, 30)) as me:
        await me.type("go", "enter")
        await me.sees("o wait what=rain")
        await me.press("ctrl+b")
        await me.sees("It waits.", "background", "1 in the background")
        await me.press("f3")
        await me.sees("j1 running wait what=rain")
        await me.press("down", "x")
        await me.sees("j1 cancelled", "It was stopped.")


async def test_subagents_are_in_the_tree(talk: Talk) -> None:
    go = asyncio.Event()

    async def slow(request: Any) -> str:
        await go.wait()
        return "Nine planets."

    creature = {
        "name": "lead",
        "prompt": "You are lead.",
        "subagents": [{"name": "scout", "description": "looks", "prompt": "You are scout."}],
    }
    cast = Cast(lead=[[("task", {"agent": "scout", "prompt": "count the planets"})], "Done."], scout=[slow])
    async with talk(cast, creature=creature, size=(120, 30)) as me:
        await me.type("go", "enter")
        await me.sees("lead running", "o scout s1  thinking", "o scout s1 count the planets")
        go.set()
        await me.sees("* scout s1", "| Nine planets.", "done")


TEAM = {
    "terrarium": {
        "name": "pair",
        "root": "lead",
        "creatures": [
            {"name": "lead", "prompt": "You are lead.", "channels": {"can_send": ["tasks"]}},
            {"name": "coder", "prompt": "You are coder.", "channels": {"listen": ["tasks"]}, "output_wiring": ["lead"]},
        ],
        "channels": {"tasks": "what is to be done"},
    }
}


async def test_a_teams_creatures_stand_side_by_side(talk: Talk, home: Path, folder: Path) -> None:
    (folder / "team.yaml").write_text(str(TEAM))
    cast = Cast(
        lead=[[("send_message", {"channel": "tasks", "message": "build it"})], "I asked.", "All done."],
        coder=["It is [b]built."],
    )
    plugins = Plugins()
    creature = plugins.registry.get("loader", "creature")(plugins, str(folder / "team.yaml"))
    async with talk(cast, creature=creature, size=(140, 30)) as me:
        await me.sees("coder idle")
        await me.type("go", "enter")
        await me.sees("All done.")
        await me.press("f1", "f7")
        await me.until(lambda: me.text.split("\n")[0].split() == ["lead", "│", "coder"])
        await me.sees("> [#tasks] lead: build it")
        await me.press("f7")
        await me.until(lambda: not me.app.columns)


async def test_without_a_team_there_are_no_columns(talk: Talk) -> None:
    async with talk() as me:
        await me.press("f7")
        await me.sees("there is no team")
