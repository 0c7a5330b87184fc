"""Background jobs: tool calls that belong to the agent, not to the turn that started them."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("jobs", "kt_jobs.jobs:Jobs", help="run tools marked background=True as jobs")
    registry.add(
        "chat_command",
        "jobs",
        "kt_jobs.chat:jobs",
        help="calls in the background: /jobs [show ID | stop ID]",
        complete="kt_jobs.chat:words",
    )
