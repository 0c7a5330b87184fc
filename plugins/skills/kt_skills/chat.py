"""/skills and /init in a conversation."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kt import Agent
from kt.errors import UsageError

from .chain import NAMES
from .chat_skills import about, place_of
from .plugin import offered

if TYPE_CHECKING:
    from kt import ChatReply

INIT = """\
{task} It is what a coding agent reads before it works here: only what it can't guess from a glance at the files.

First look, then write:
1. List the folder. Read the README, the manifests and lock files (pyproject.toml, package.json, Cargo.toml, go.mod, \
Makefile ...), the configuration of CI and of linters, and a few source and test files of each part.
2. Find the exact commands to set up, build, test (all tests, and a single one), lint and format. Take them from \
CI or the manifests rather than from memory; run those that are quick and change nothing, and write only what works.
3. Write {file}, in Markdown, at most 60 lines:
   - one or two sentences: what the project is;
   - the commands;
   - the layout: the folders that matter, and what belongs where;
   - conventions that the code keeps and a newcomer would break: style, names, errors, tests, commits;
   - traps: generated files, steps that are needed first, what must not be touched.

Leave out what every project has, what a linter says anyway, and what you have not seen. No secrets. At the end say in \
three lines what you wrote and what you were not sure of."""
NEW = "Write the file {file} of this project."
BETTER = (
    "Improve the file {file} of this project: keep what is true in it and what its people wrote on purpose, correct \
what is wrong, add what is missing, shorten the rest."
)
BESIDE = " There is {others} already: read it, and take over what holds for every agent."


async def skills(agent: Agent, words: str) -> str:
    """Return the skills of the agent with the first line of what each is for and where it is; what is left out."""
    if words.strip():
        raise UsageError("/skills takes no words", hint="/NAME WORDS uses the skill NAME")
    return "\n".join(await asyncio.to_thread(lambda: [*_listed(agent)]))


async def init(agent: Agent, words: str) -> "ChatReply":
    """Let the model look at the project and write its AGENTS.md, or improve the one there is; `words` are wishes."""
    from kt import ChatReply

    there = [name for name in NAMES if (agent.pwd / name).is_file()]
    task = (BETTER if "AGENTS.md" in there else NEW).format(file="AGENTS.md")
    if others := [name for name in there if name != "AGENTS.md"]:
        task += BESIDE.format(others=" and ".join(others))
    said = INIT.format(task=task, file="AGENTS.md")
    return ChatReply(say=f"{said}\n\nAbove all: {words.strip()}" if words.strip() else said)


def _listed(agent: Agent) -> Iterator[str]:
    found = offered(agent)
    rows = [(name, about(skill), place_of(agent, skill)) for name, skill in found.skills.items()]
    width, more = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    yield from (f"/{name:<{width}}  {said:<{more}}  {place}" for name, said, place in rows)
    if not rows:
        yield "there are no skills; one is a file .agents/skills/NAME/SKILL.md"
    yield from (f"! {unfit}" for unfit in found.unfit)
