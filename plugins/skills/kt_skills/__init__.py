"""What a project and its user tell agents: AGENTS.md and CLAUDE.md in the prompt, and Agent Skills on demand."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("skills", "kt_skills.plugin:Skills", help="AGENTS.md, CLAUDE.md and the skills in the prompt")
    registry.tool("skill", "kt_skills.tool:skill", help="read an Agent Skill, or a file of it")
    registry.add("chat_command", "skills", "kt_skills.chat:skills", help="the skills there are, and where from")
    registry.add(
        "chat_command",
        "init",
        "kt_skills.chat:init",
        help="let the model write this project's AGENTS.md: /init [WORDS]",
    )
    registry.add("skill", "terrarium", "kt_skills:skills/terrarium", help="what a model has to know of kt itself")
    registry.add("chat_commands", "skills", "kt_skills.chat_skills", help="use a skill: /NAME [WORDS]")
