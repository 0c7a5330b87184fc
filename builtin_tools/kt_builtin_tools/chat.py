"""/todo in a conversation."""

from kt import Agent
from kt.errors import UsageError

from .plan import MARKS, items_of


async def todo(agent: Agent, words: str) -> str:
    """Return the to-do list as the model last wrote it, with a mark for what is done. Raises UsageError for words."""
    if words.strip():
        raise UsageError("/todo only shows the list", hint="tell the model what to change in it")
    items = items_of(agent)
    if not items:
        return "there is no to-do list"
    done = sum(item.status == "done" for item in items)
    return "\n".join(
        [*(f"[{MARKS[i.status]}] {' '.join(i.text.split())}" for i in items), f"{done} of {len(items)} done"]
    )
