"""Background jobs: tool calls that belong to the agent, not to the turn that started them."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("jobs", "kt_jobs.jobs:Jobs", help="run tools marked background=True as jobs")
