"""Questions to the user: asked by tools and guards, answered by any surface, or parked until somebody comes."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("questions", "default", "kt_questions.questions:AgentQuestions", help="the open questions of an agent")
    registry.add("questions", "above", "kt_questions.above:AskAbove", help="questions that are asked at another agent")
