"""A team to be killed: `python team.py FOLDER recipe|engine start|resume`; it prints what it came to when it ends.

Its models answer as functions of what they are told, so that a run that was cut and resumed is the same as any other.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from kt import Agent, Context, Host, Terrarium, ToolNeeds, tool
from kt.testing import ScriptedLLM
from kt_terrarium.engine import Member

TASKS = 4
FOLDER = Path(sys.argv[1])
SESSION = FOLDER / "team.ktlog"


@tool(effect="once", needs=ToolNeeds(reads=()))
async def build(ctx: Context[object], part: str) -> str:
    """Build a part, once."""
    with (FOLDER / "built").open("a") as file:
        file.write(part + "\n")
    await asyncio.sleep(0.002)
    return f"built {part}"


def text_of(request: Any) -> str:
    return str(request.messages[-1].text)


async def lead(request: Any) -> Any:
    """Give out the tasks one after the other, then wait for all reviews and sum them up."""
    await asyncio.sleep(0.004)
    calls = sum(len(m.tool_calls) for m in request.messages)
    reviews = sum(m.text.startswith("[reviewer]") for m in request.messages)
    if calls < TASKS:
        return [("send_message", {"channel": "tasks", "message": f"part{calls}"})]
    return "all done" if reviews == TASKS else f"{reviews} reviews"


async def coder(request: Any) -> Any:
    """Build what is asked for, and say so."""
    await asyncio.sleep(0.003)
    message = request.messages[-1]
    if message.role == "user":
        return [("build", {"part": message.text.rpartition(" ")[2]})]
    return f"coded {next(m for m in reversed(request.messages) if m.role == 'user').text.rpartition(' ')[2]}"


async def reviewer(request: Any) -> Any:
    """Tell the archive, then approve."""
    await asyncio.sleep(0.002)
    message = request.messages[-1]
    if message.role == "user":
        return [("send_message", {"channel": "log", "message": message.text.rpartition(" ")[2]})]
    return f"approved {next(m for m in reversed(request.messages) if m.role == 'user').text.rpartition(' ')[2]}"


ROLES = {"lead": lead, "coder": coder, "reviewer": reviewer}


async def play(request: Any) -> Any:
    """Answer as the creature whose prompt it is."""
    return await ROLES.get(request.system.split()[2].rstrip("."), lambda r: asyncio.sleep(0.001, "kept"))(request)


RECIPE: dict[str, Any] = {
    "terrarium": {
        "root": "lead",
        "creatures": [
            {"name": "lead", "prompt": "You are lead.", "channels": {"can_send": ["tasks"]}},
            {"name": "coder", "prompt": "You are coder.", "tools": ["build"], "channels": {"listen": ["tasks"]},
             "output_wiring": ["reviewer"]},
            {"name": "reviewer", "prompt": "You are reviewer.", "channels": {"can_send": ["log"]},
             "output_wiring": ["lead"]},
            {"name": "archive", "prompt": "You are archive.", "channels": {"listen": ["log"]}},
        ],
        "channels": {"tasks": {}, "log": {}},
    }
}  # fmt: skip


def outcome(members: dict[str, Member], answer: str) -> str:
    told = {n: [m.text for m in member.agent.history if m.role == "user"] for n, member in members.items()}
    return json.dumps({"answer": answer, "told": told})


async def with_recipe(again: bool) -> None:
    """Run the team as the agent of its root."""
    llm, host = ScriptedLLM(play), Host()
    host.registry.tool("build", build)
    if again:
        agent = await Agent.resume(SESSION, llm=llm, host=host)
    else:
        (FOLDER / "team.yaml").write_text(json.dumps(RECIPE))
        agent = await Agent.build(str(FOLDER / "team.yaml"), llm=llm, host=host, session=SESSION)
    async with host, agent:
        (FOLDER / "began").touch()
        result = await agent.run(None if again and agent.history else "go")
        members = dict(agent.plugin("terrarium").member.engine.members)
        print(outcome(members, result.text), flush=True)


async def with_engine(again: bool) -> None:
    """Run the same creatures in an engine, each with a session of its own."""
    llm = ScriptedLLM(play)
    if again:
        given = {name: {"llm": llm, "tools": [build]} for name in ("lead", "coder", "reviewer", "archive")}
        home = next(path for path in sorted(FOLDER.glob("*lead*.ktlog")))  # noqa: ASYNC240  one look, at start
        engine = await Terrarium.resume(home, creatures=given)
    else:
        engine = Terrarium(session_dir=FOLDER, llm=llm, tools=[build])
        for name in ("lead", "coder", "reviewer", "archive"):
            await engine.add_creature({"name": name, "prompt": f"You are {name}."})
        await engine.connect("lead", "coder", channel="tasks")
        await engine.wire_output("coder", "reviewer")
        await engine.connect("reviewer", "archive", channel="log")
        await engine.wire_output("reviewer", "lead")
    async with engine:
        (FOLDER / "began").touch()
        if not engine.member("lead").agent.history:
            engine.member("lead").inject("go")
        await engine.quiet()
        print(outcome(engine.members, engine.member("lead").agent.history[-1].text), flush=True)


if __name__ == "__main__":
    asyncio.run((with_recipe if sys.argv[2] == "recipe" else with_engine)(sys.argv[3] == "resume"))
