"""Each skill as a slash command: /NAME WORDS tells the model to use it, with its instructions."""

from typing import TYPE_CHECKING

from kt import Agent
from kt.errors import NotFound, nearest

from .plugin import offered
from .skill import Skill
from .tool import instructions

if TYPE_CHECKING:
    from kt import ChatReply

HELP = 100
"""Characters of a description."""


def names(agent: Agent) -> dict[str, str]:
    """Return the first line of each skill's description, by the skill's name."""
    return {name: about(skill) for name, skill in offered(agent).skills.items()}


def answer(agent: Agent, name: str, words: str) -> "ChatReply":
    """Return what the person says to the model by /NAME WORDS. Raises NotFound with the nearest names."""
    from kt import ChatReply

    found = offered(agent).skills
    if (chosen := found.get(name)) is None:
        raise NotFound(f"there is no skill {name!r}", hint=nearest(name, found))
    asked = f"Use the skill {name}" + (f": {words.strip()}" if words.strip() else ".")
    inside = chosen.folder.is_relative_to(agent.pwd.resolve())
    told = instructions(chosen, place_of(agent, chosen), inside)
    return ChatReply(say=f"{asked}\n\nIts instructions, so you need not call a tool for them:\n\n{told}")


def about(skill: Skill) -> str:
    """Return the first line of a skill's description, cut where it is long."""
    line = skill.description.splitlines()[0].strip()
    return line if len(line) <= HELP else f"{line[: HELP - 4].rstrip()} ..."


def place_of(agent: Agent, skill: Skill) -> str:
    """Return a skill's folder, relative to the working folder where it is beneath."""
    pwd = agent.pwd.resolve()
    return skill.folder.relative_to(pwd).as_posix() if skill.folder.is_relative_to(pwd) else str(skill.folder)
