"""Programs for teams that the tests run as processes: `python victims_team.py NAME ARGUMENT ...`."""

import asyncio
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from kt import Agent, Host
from kt.errors import KTError
from kt.events import Logged
from kt.testing import ScriptedLLM
from kt_sessions.journal import Journal
from victims import say


@dataclass(slots=True)
class MessageSent(Logged):
    """A message between creatures."""

    id: str
    text: str


async def team(session: str) -> None:
    """Keep a journal and an agent in one file without an end; say ACK with the numbers that were confirmed."""
    async with Host() as host:
        journal = Journal(Path(session))
        await journal.open(host)
        agent = await Agent.build(
            {"name": "coder"}, llm=ScriptedLLM(lambda request: "yes"), session=Path(session), host=host
        )
        await agent.start()
        for number in range(1_000_000):
            seq = journal.append(MessageSent(f"m{number}", "to the coder " * 20))
            await journal.durable()
            await agent.run(f"number {number}")
            say("ACK", seq)


async def crowd(folder: str, count: str, descriptors: str) -> None:
    """Open sessions of many agents with few descriptors; say OPEN and how many, the error, and how their turns went."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(descriptors), int(descriptors)))
    async with Host() as host:
        agents = []
        try:
            for n in range(int(count)):
                agent = await Agent.build(
                    {"name": f"a{n}"},
                    llm=ScriptedLLM(lambda request: "yes"),
                    host=host,
                    session=Path(folder, f"{n}.ktlog"),
                )
                await agent.start()
                agents.append(agent)
        except KTError as error:
            say("ERROR", error.line())
        say("OPEN", len(agents))
        for text in ("one", "two"):
            results = await asyncio.gather(*[agent.run(text) for agent in agents])
            say("TURN", sum(result.ok for result in results))
        await asyncio.gather(*[agent.stop() for agent in agents])
        say("STOPPED")


PROGRAMS = {"team": team, "crowd": crowd}

if __name__ == "__main__":
    asyncio.run(PROGRAMS[sys.argv[1]](*sys.argv[2:]))
