"""/sessions, /resume, /fork and /clear: see the sessions of a folder, and go on with another one."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kt import Agent
from kt.errors import NotFound, UsageError

from .chat_own import name_of, no_turn_runs, own_file, turn_in
from .errors import SessionLocked
from .fork import fork as make_fork
from .lines import clock, count, inert, one_line, table
from .listing import FEW, Summary, is_running, summary
from .names import load, load_all, mint

if TYPE_CHECKING:
    from kt import ChatReply

TITLE = 60
"""Columns of what was first said in a session."""


async def sessions(agent: Agent, words: str) -> str:
    """Return the newest sessions of the agent's folder, those whose name or first words have a text in them."""
    return "\n".join(await asyncio.to_thread(_listed, agent, words.strip().lower()))


async def resume(agent: Agent, words: str) -> "ChatReply":
    """Open a session by name, or the newest other one of the folder.

    Raises NotFound where there is none, UsageError for the agent's own, SessionLocked for one that is running.
    """
    from kt import ChatReply

    path = await asyncio.to_thread(_chosen, agent, words.strip())
    return ChatReply(f"back to {name_of(agent, path)}", open=str(path))


async def fork(agent: Agent, words: str) -> "ChatReply":
    """Make a session that shares the past up to the end of a turn, all of it without one, and open it.

    Raises UsageError without a session or while a turn runs, NotFound for a turn that it has not.
    """
    from kt import ChatReply

    source, turn = own_file(agent), turn_in(words.strip()) if words.strip() else None
    no_turn_runs(agent)
    await agent.durable()
    target = mint(source.parent, agent.name, agent.host.clock.time())
    await asyncio.to_thread(make_fork, source, target, turn=turn, stream=agent.name)
    past = "the past" if turn is None else f"the past up to the end of turn {turn}"
    text = f"this is {name_of(agent, target)}, which shares {past}; the other stays: /resume {name_of(agent, source)}"
    return ChatReply(text, open=str(target))


async def clear(agent: Agent, words: str) -> "ChatReply":
    """Open a fresh session; the old one stays. Raises UsageError for words, of which it takes none."""
    from kt import ChatReply

    if words.strip():
        raise UsageError("/clear takes no words", hint="/compact FOCUS keeps what matters of this conversation")
    kept = "" if agent.session is None else f"; the other stays: /resume {name_of(agent, own_file(agent))}"
    return ChatReply(f"a fresh conversation{kept}", open="")


def names(agent: Agent) -> list[str]:
    """Return the names of the folder's newest sessions, without the agent's own."""
    return [found.name for found in islice(_others(agent), FEW)]


def _here(agent: Agent) -> Iterator[Summary]:
    """Yield the sessions of the agent's folder, the one that was last written first; what can't be read has none."""
    for path in load_all(agent.host.registry):
        found = summary(path)
        if found.folder == str(agent.pwd):
            yield found


def _others(agent: Agent) -> Iterator[Summary]:
    return (found for found in _here(agent) if not _is_own(agent, found.path))


def _is_own(agent: Agent, path: Path) -> bool:
    return agent.session is not None and path.resolve() == own_file(agent)


def _listed(agent: Agent, word: str) -> list[str]:
    found = list(islice((s for s in _here(agent) if word in s.name.lower() or word in s.title.lower()), FEW))
    if not found:
        return [f"no session of this folder has {word!r} in it" if word else "this folder has no session yet"]
    rows = [
        [inert(s.name), clock(s.changed), count(s.turns, "turn"), _state(agent, s), one_line(s.title, TITLE)]
        for s in found
    ]
    return [*table(rows, right=(2,)), "go on with one: /resume NAME"]


def _state(agent: Agent, found: Summary) -> str:
    return "this one" if _is_own(agent, found.path) else "" if found.state == "ended" else found.state


def _chosen(agent: Agent, name: str) -> Path:
    if not name:
        waiting = (found.path for found in _others(agent) if found.turns and found.state != "running")
        if (path := next(waiting, None)) is None:
            raise NotFound("this folder has no other session", hint="kt sessions list has those of other folders")
        return path
    path = load(agent.host.registry, name).resolve()
    if _is_own(agent, path):
        raise UsageError(f"{name_of(agent, path)} is this conversation", hint="/sessions lists the others")
    if is_running(path):
        raise SessionLocked(f"{name_of(agent, path)} is running elsewhere", hint="end it there first")
    return path
