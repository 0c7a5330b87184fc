"""todo: the list of what a task consists of, kept by the model."""

from dataclasses import asdict, dataclass
from typing import Literal

from kt import Agent, Context, tool

MARKS = {"pending": " ", "active": ">", "done": "x"}


@dataclass(slots=True)
class Item:
    """One step of a plan."""

    text: str
    status: Literal["pending", "active", "done"] = "pending"


def items_of(agent: Agent) -> list[Item]:
    """Return the list as the model last wrote it, for surfaces and plugins."""
    return [Item(**item) for item in agent.state.get("todo", ())]


@tool(effect="idempotent", parallel=False)
def todo(ctx: Context[object], items: list[Item]) -> str:
    """Write the whole to-do list anew. Use it for work of several steps, and keep it up to date."""
    ctx.agent.state["todo"] = [asdict(item) for item in items]
    return "\n".join(f"[{MARKS[item.status]}] {item.text}" for item in items) or "(the list is empty)"
