"""The tool search_memory: a creature finds what was said and done before, also what is no longer in its context."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from kt import Context, Text, ToolNeeds, tool
from kt.errors import ConfigError, UsageError, Vetoed

from .plugin import config_of
from .search import Found, Hit, Query, find
from .session import all_sessions
from .snippets import marked

MAX_HITS = 50


@tool(effect="read", needs=ToolNeeds(reads=()))
async def search_memory(
    ctx: Context[object], query: str, limit: int = 10, scope: Literal["session", "all"] = "session"
) -> Text:
    """Search everything said and done in this session before, also what is no longer in the conversation.

    Args:
        query: Words that must all be there; "quoted words" as they stand, begin* for beginnings.
        limit: How many hits.
        scope: session, or all: every session of the user, where that is allowed.
    """
    agent, config = ctx.agent, config_of(ctx.agent)
    if not 1 <= limit <= MAX_HITS:
        raise UsageError(f"limit must be from 1 to {MAX_HITS}, not {limit}")
    if scope == "all" and not config.all_sessions:
        raise Vetoed("other sessions may not be searched", hint="search with scope session")
    await agent.durable()
    paths = all_sessions(agent.host.registry) if scope == "all" else [_own(agent.session)]
    asked = Query(query, None, limit, config.embedder, config.embedders)
    found = await find(agent.host, paths, asked) if paths else Found([], "fts", [])
    lines = [f"note: {note}" for note in found.notes] + [_line(hit, scope) for hit in found.hits]
    return Text(
        "\n".join(lines if found.hits else [*lines, "nothing found"]), origin="session" if scope == "all" else ""
    )


def _own(session: str | None) -> Path:
    """Return the file of the agent's session. Raises ConfigError where it has none."""
    if session is None:
        raise ConfigError("this agent has no session, so there is nothing to search", hint="Agent.build(session=PATH)")
    return Path(session)


def _line(hit: Hit, scope: str) -> str:
    session = f"{hit.session.stem} " if scope == "all" else ""
    when = datetime.fromtimestamp(hit.time).strftime("%Y-%m-%d %H:%M")
    turn = f"turn {hit.turn}" if hit.turn is not None else f"event {hit.event}"
    return f"- {session}{turn}, {when}, {hit.stream} {hit.role or hit.kind}: {marked(hit.text, '', '')}"
