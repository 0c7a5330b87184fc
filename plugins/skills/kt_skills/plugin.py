"""Put the project's instructions for agents, and the list of skills, into the system prompt."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kt import Agent, Turn, TurnResult, hookimpl
from kt.events import Advice

from .chain import read_chain

if TYPE_CHECKING:
    from .find import Found

TOOL = "skill"
INTRODUCTION = f"Skills: where one fits a task, first read it with the tool {TOOL}, and do as it says."


@dataclass(slots=True)
class Settings:
    """`use`: skills of packs, as `@pack/skills/name`, beside those that are found."""

    use: tuple[str, ...] = ()


class Skills:
    """Add the AGENTS.md chain of the working folder to the prompt, and a line a skill if there is the tool for them."""

    Config = Settings

    def __init__(self, config: Settings | None = None) -> None:
        self.use = (config or Settings()).use
        self._advice: dict[str, bool] = {}
        """Remarks, and whether they were told."""
        self.prompt_shares: list[tuple[str, ...]] = []
        """(kind, name, line) of what stands in the prompt for each skill, and the pack that brings it, if one does."""

    @hookimpl
    async def kt_prompt(self, agent: Agent) -> str | None:
        skills = await asyncio.to_thread(self._skills, agent) if TOOL in agent.tools else ""
        return "\n\n".join(filter(None, [_instructions(agent), skills])) or None

    def _skills(self, agent: Agent) -> str:
        from .packs import origin_of
        from .prompt import skill_lines

        found = offered(agent)
        lines, left = skill_lines(found.skills.values())
        self.prompt_shares = []
        for skill, line in zip(found.skills.values(), lines, strict=False):  # those at the end may have no room
            origin = origin_of(agent.host.plugins, skill)
            self.prompt_shares.append(("skill", skill.name, line, *([origin] if origin else [])))
        remarks = [str(unfit) for unfit in found.unfit]
        if left:
            lines.append(f"[{left} more have no room here]")
            remarks.append(f"{left} of {len(found.skills)} skills have no room in the prompt")
        for remark in remarks:
            self._advice.setdefault(remark, False)
        return "\n\n".join([INTRODUCTION, "\n".join(lines)]) if lines else ""

    @hookimpl
    async def kt_around_turn(
        self, agent: Agent, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]
    ) -> TurnResult:
        # The prompt is made before a surface listens; now one does.
        for remark in [text for text, told in self._advice.items() if not told]:
            self._advice[remark] = True
            agent.bus.publish(Advice(remark))
        return await next(turn)


def offered(agent: Agent) -> "Found":
    """Return the skills that an agent has, those that the settings of its plugin name included. Raises NotFound."""
    from .find import skills_of

    return skills_of(agent, next((a.plugin.use for a in agent.active if isinstance(a.plugin, Skills)), ()))


def _instructions(agent: Agent) -> str:
    entry = agent.host.registry.find("config", "home")
    files = read_chain(agent.pwd, entry.load()() if entry is not None else None)
    if not files:
        return ""
    blocks = [f'<instructions file="{name}">\n{text}\n</instructions>' for name, text in files]
    return "Instructions of the user and of this project; the later ones win.\n\n" + "\n\n".join(blocks)
