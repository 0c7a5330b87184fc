"""What a project tells agents: the chain of AGENTS.md and CLAUDE.md files, in the prompt."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("skills", "kt_skills.plugin:Skills", help="AGENTS.md and CLAUDE.md of the project in the prompt")
