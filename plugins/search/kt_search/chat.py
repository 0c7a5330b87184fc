"""/search in a conversation."""

import asyncio

from kt import Agent
from kt.errors import UsageError

from .plugin import config_of
from .search import Query, find
from .session import sessions_in
from .showing import shown

HITS = 10


async def search(agent: Agent, words: str) -> str:
    """Return where in the sessions of the agent's folder the words are, the best first, two lines each.

    Raises UsageError without words, MissingPlugin without kt-sessions.
    """
    if not words.strip():
        raise UsageError(
            "what is looked for?", hint='/search WORDS; "quoted words" as they stand, begin* for beginnings'
        )
    await agent.durable()
    paths, unreadable = await asyncio.to_thread(sessions_in, agent.host.registry, agent.pwd)
    config = config_of(agent)
    notes, hits = [f"note: {name} can't be read" for name in unreadable], []
    if paths:
        found = await find(agent.host, paths, Query(words, None, HITS, config.embedder, config.embedders))
        notes += [f"note: {note}" for note in found.notes]
        hits = [shown(hit, "[", "]") for hit in found.hits]
    where = f"{len(paths)} session{'' if len(paths) == 1 else 's'} of this folder"
    return "\n".join([*notes, *(hits or [f"nothing found in {where}"])])
