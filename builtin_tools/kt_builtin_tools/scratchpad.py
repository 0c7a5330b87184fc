"""scratchpad: notes that an agent keeps for itself."""

from typing import Literal

from kt import Agent, Context, tool
from kt.errors import UsageError

MAX_NOTES = 20_000
"""Characters of an agent's notes."""


def notes_of(agent: Agent) -> str:
    """Return the notes as they are, for surfaces and plugins."""
    return str(agent.state.get("scratchpad", ""))


@tool(effect="once", parallel=False)
def scratchpad(ctx: Context[object], action: Literal["read", "write", "append", "clear"], text: str = "") -> str:
    """Keep notes for yourself: write replaces them, append adds a line."""
    notes = notes_of(ctx.agent)
    if action == "read":
        return notes or "(no notes)"
    if action == "clear":
        text = ""
    elif not text:
        raise UsageError(f"{action} needs text")
    elif action == "append" and notes:
        text = f"{notes}\n{text}"
    if len(text) > MAX_NOTES:
        raise UsageError(f"notes may have {MAX_NOTES:,} characters, these are {len(text):,}", hint="write them shorter")
    ctx.agent.state["scratchpad"] = text
    return f"{len(text):,} of {MAX_NOTES:,} characters"
