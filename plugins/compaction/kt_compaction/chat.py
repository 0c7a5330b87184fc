"""/compact in a conversation."""

from kt import Agent


async def compact(agent: Agent, words: str) -> str:
    """Summarise what is old, with `words` as what must be in it; return what to say. Raises KTError."""
    before = len(agent.history)
    await agent.plugin("compaction").compact(words)
    return f"the conversation was summarised: {before} messages became {len(agent.history)}"
