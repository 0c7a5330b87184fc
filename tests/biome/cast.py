"""One scripted model for a whole team: who asks is read from what the creature is told of its place."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kt import Agent, Request
from kt.testing import ScriptedLLM
from kt_terrarium.member import Member

NOBODY = {"sandbox": {"backend": "none", "require": "none"}}
ALLOWED = {"permissions": {"mode": "auto"}}
PLACE = re.compile(r"You are ([\w-]+), one of several creatures")

CALC = "def mean(numbers):\n    return sum(numbers) / (len(numbers) + 1)\n"
TEST = "from calc import mean\n\nassert mean([2, 4]) == 3\nprint('passed')\n"
RUN = "python check.py"


def cast(**players: Callable[[Request], Any]) -> ScriptedLLM:
    """Return a model that plays each creature by its function, named by the creature's name with _ for -."""

    def play(request: Request) -> Any:
        return players[who(request).replace("-", "_")](request)

    return ScriptedLLM(play)


def who(request: Request) -> str:
    """Return the name of the creature that asks."""
    found = PLACE.search(request.system)
    assert found, f"this creature is told nothing of its team: {request.system[:200]}"
    return found[1]


def last(request: Request) -> str:
    """Return what the creature was told last; "" after a result of one of its own tools."""
    message = request.messages[-1]
    return message.text if message.role == "user" else ""


def heard(request: Request, words: str) -> int:
    """Count the messages that a creature got from others or the user, and that hold these words."""
    return sum(words in message.text for message in request.messages if message.role == "user")


def results(request: Request) -> str:
    """Return what the creature's last tool calls gave."""
    return "\n".join(str(part.text) for part in request.messages[-1].parts)


def repository(folder: Path) -> Path:
    """Make a project whose one test fails."""
    folder.mkdir()
    (folder / "calc.py").write_text(CALC)
    (folder / "check.py").write_text(TEST)
    return folder


async def team(name: str, llm: Any, folder: Path, **options: Any) -> Agent:
    """Build the root of a team of the pack, for a folder, without walls."""
    return await Agent.build(
        f"@kt-biome/terrariums/{name}", llm=llm, pwd=folder, plugins=[NOBODY, ALLOWED],
        guards=["permissions", "sandbox", "redact"], **options,
    )  # fmt: skip


def member(agent: Agent) -> Member:
    """Return the member that a root is."""
    found = agent.plugin("terrarium").member
    assert isinstance(found, Member)
    return found
