"""Programs that the tests of this folder run as processes, to kill them: `python victims.py NAME ARGUMENT ...`.

They say what they did on stdout, a line each: `EVENT seq kind digest`, `ACK seq` once everything up to that event was
confirmed, `RESUMED unknown,...`, and what each program adds.
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from kt import Agent, Context, Message, Request, Text, ToolCall, ToolResult, encode, hookimpl, tool
from kt.events import Event, Logged
from kt.testing import ScriptedLLM

COMPARED = ("turn_started", "tool_started", "tool_ended", "input_accepted", "state_set", "history_edited", "job_ended")
"""Kinds whose stored body is the event itself, word for word."""
LIVE = ("arguments", "seq", "type", "source", "attempt", "seconds")
"""What only the running agent has, or what is left out where it is the default."""


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def digest(body: Any) -> str:
    """Return the digest of an event's body, without what only the running agent has."""
    return sha256(json.dumps(_told(body), sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _told(v) for k, v in value.items() if k not in LIVE and v is not None}
    return [_told(v) for v in value] if isinstance(value, list) else value


class Witness:
    """Tell stdout of every event, and of what was confirmed."""

    def __init__(self) -> None:
        self.seq = self.confirmed = 0

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        agent.bus.on(Event, self._heard)
        yield

    def _heard(self, event: Event) -> None:
        if isinstance(event, Logged) and event.seq:
            self.seq = max(self.seq, event.seq)
            same = digest(encode(event)) if event.kind in COMPARED else "-"
            say("EVENT", event.seq, event.kind, same)

    async def confirm(self, agent: Agent) -> None:
        seq = self.seq
        await agent.durable()
        self.confirmed = seq
        say("ACK", seq)

    @hookimpl
    async def kt_around_tool_call(self, agent: Agent, call: ToolCall, next: Callable[..., Any]) -> ToolResult:
        result: ToolResult = await next(call)
        await self.confirm(agent)
        return result


class Trimmer:
    """Put a line in the place of the older half of the conversation, now and then, and count turns as its own state."""

    def __init__(self) -> None:
        self.count = 0

    @hookimpl
    async def kt_around_turn(self, agent: Agent, turn: Any, next: Callable[..., Awaitable[Any]]) -> Any:
        result = await next(turn)
        self.count += 1
        begins = [at for at, m in enumerate(agent.history) if m.role == "user"]
        if self.count % 3 == 0 and len(begins) > 2:
            stop = begins[len(begins) // 2]
            summary = [Message("user", [Text(f"(before: {stop} messages)")]), Message("assistant", [Text("I see.")])]
            agent.edit_history(0, stop, summary, by="trimmer")
        return result

    @hookimpl
    def kt_save(self, agent: Agent) -> Any:
        return {"count": self.count}

    @hookimpl
    def kt_load(self, agent: Agent, state: Any) -> None:
        self.count = state["count"]


def append_line(path: Path, line: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, (line + "\n").encode())
    os.close(fd)


def tools_of(effects: Path, chance: random.Random) -> list[Any]:
    """Return tools of every effect; those that have one append their token to the file `effects`."""

    async def pause() -> None:
        await asyncio.sleep(chance.random() * 0.008)

    @tool(effect="once")
    async def note(token: str) -> str:
        """Append the token."""
        await pause()
        append_line(effects, token)
        await pause()
        return f"noted {token}"

    @tool(effect="read")
    async def look(token: str) -> str:
        """Return much text."""
        await pause()
        return f"{token} " + "seen " * chance.choice((1, 10, 9000))

    @tool(effect="idempotent")
    async def put(token: str) -> str:
        """Return the token."""
        await pause()
        return f"put {token}"

    @tool(effect="once")
    async def remember(ctx: Context, token: str) -> str:
        """Keep the token in the agent's state."""
        kept: list[str] = list(ctx.agent.state.get("tokens", []))
        ctx.agent.state["tokens"] = [*kept[-5:], token]
        return f"remembered {token}"

    @tool(effect="once", background=True)
    async def work(token: str) -> str:
        """Append the token, later."""
        await asyncio.sleep(chance.random() * 0.03)
        append_line(effects, token)
        return f"worked {token}"

    return [note, look, put, remember, work]


def improvise(chance: random.Random) -> Callable[[Request], Any]:
    """Return a model that asks for one to three tools at a time, with tokens that are never used twice."""
    count = 0

    def answer(request: Request) -> Any:
        nonlocal count
        if request.messages[-1].role == "tool" and chance.random() < 0.4:
            return "All of it is done. " * chance.randint(1, 20)
        calls = []
        for _ in range(chance.randint(1, 3)):
            count += 1
            name = chance.choice(("note", "note", "look", "put", "remember", "work"))
            token = f"{os.getpid()}-{count}"
            arguments = {"token": token, **({"run_in_background": True} if name == "work" else {})}
            calls.append(ToolCall(f"c-{token}", name, json.dumps(arguments)))
        return Message("assistant", calls, model="scripted", finish="tool_calls")

    return answer


async def opened(path: Path, **options: Any) -> Agent:
    """Return the agent of a session, started: what the file has it goes on with."""
    agent = await Agent.build({"name": "victim"}, session=path, **options)
    await agent.start()
    resumed = agent.log.resumed  # type: ignore[attr-defined]
    if resumed is not None:
        say("RESUMED", ",".join(resumed.unknown))
    return agent


async def busy(session: str, effects: str, seed: str, turns: str) -> None:
    """Resume or begin a session, finish what is open and run turns; end it cleanly after so many."""
    chance, witness = random.Random(int(seed)), Witness()
    agent = await opened(
        Path(session),
        llm=ScriptedLLM(improvise(chance)),
        tools=tools_of(Path(effects), chance),
        plugins=[witness, Trimmer()],
    )
    for number in range(int(turns)):
        result = await agent.run(None if number == 0 and agent.turns else f"do it {number}")
        say("TURN", result.status, result.error or "")
        await witness.confirm(agent)
    await agent.stop()
    say("STOPPED")


def stepwise(total: int) -> Callable[[Request], Any]:
    """Return a model that asks for the steps 1 to `total`, each seventh time three at once, once each has a result."""

    def answer(request: Request) -> Any:
        done = [p for m in request.messages for p in m.parts if isinstance(p, ToolResult)]
        following = len(done) + 1
        if following > total:
            return "finished"
        steps = range(following, min(total, following + (2 if following % 7 == 0 else 0)) + 1)
        kinds = ("once", "look", "put")
        calls = [ToolCall(f"s{n}", kinds[n % 3] if n % 2 else "once", json.dumps({"step": n})) for n in steps]
        return Message("assistant", calls, model="scripted", finish="tool_calls")

    return answer


class Crashes:
    """Kill this process at given steps: before the tool's effect, after it, or once its result is recorded."""

    def __init__(self, plan: dict[str, str], effects: Path) -> None:
        self.plan, self.effects, self.done = plan, effects, effects.with_name("crashed")

    def at(self, step: int, when: str) -> None:
        seen = self.done.read_text().split() if self.done.exists() else []
        if self.plan.get(str(step)) == when and str(step) not in seen:
            append_line(self.done, str(step))
            os.kill(os.getpid(), signal.SIGKILL)

    @hookimpl
    async def kt_around_tool_call(self, agent: Agent, call: ToolCall, next: Callable[..., Any]) -> ToolResult:
        result: ToolResult = await next(call)
        self.at((call.arguments or {})["step"], "recorded")
        return result

    def tools(self) -> list[Any]:
        def run(ctx: Context, step: int) -> str:
            """Take a step."""
            self.at(step, "before")
            append_line(self.effects, f"{step} {ctx.call.name} {ctx.call.id}")
            self.at(step, "after")
            return f"step {step} is done"

        return [
            tool(effect=effect, name=name)(run)  # type: ignore[call-overload]
            for name, effect in (("once", "once"), ("look", "read"), ("put", "idempotent"))
        ]


async def steps(session: str, effects: str, total: str, plan: str) -> None:
    """Run one long turn of many steps, killed where the plan says; say FINISHED at its end."""
    crashes, witness = Crashes(json.loads(plan), Path(effects)), Witness()
    agent = await opened(
        Path(session), llm=ScriptedLLM(stepwise(int(total))), tools=crashes.tools(), plugins=[witness, crashes]
    )
    result = await agent.run(None if agent.turns else "take all steps")
    await agent.stop()
    say("FINISHED" if result.text == "finished" else f"ENDED {result.status} {result.error}")


async def hold(session: str) -> None:
    """Open a session and run a turn for every line of stdin, until that ends."""
    witness = Witness()
    agent = await opened(Path(session), llm=ScriptedLLM(lambda request: "yes"), plugins=[witness])
    say("OPEN")
    while line := await asyncio.to_thread(sys.stdin.readline):
        await agent.run(line.strip())
        await witness.confirm(agent)
    await agent.stop()
    say("STOPPED")


async def left(session: str, effects: str, seed: str) -> None:
    """Begin a session and leave it by a crash, with a call and an answer in the middle."""
    chance = random.Random(int(seed))
    model = improvise(chance)
    agent = await opened(
        Path(session), llm=ScriptedLLM(model), tools=tools_of(Path(effects), chance), plugins=[Trimmer()]
    )
    for number in range(4):
        await agent.run(f"do it {number}")
    agent.state["all"] = {"of": ["it", 1, None]}

    def dies(request: Request) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    agent.provider = ScriptedLLM([[("note", {"token": "last"})], dies])
    await agent.run("and this")


PROGRAMS = {"busy": busy, "steps": steps, "hold": hold, "left": left}

if __name__ == "__main__":
    asyncio.run(PROGRAMS[sys.argv[1]](*sys.argv[2:]))
