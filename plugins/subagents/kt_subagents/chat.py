"""/agents in a conversation."""

from collections.abc import Iterator, Sequence
from time import perf_counter

from kt import Agent
from kt.errors import UsageError

from .plugin import Subagent, Subagents

WIDTH = 60
"""Characters of what a sub-agent does, or said at the end."""


async def agents(agent: Agent, words: str) -> str:
    """Return the sub-agents at work, how the last ones ended, and which there are; with `stop ID` stop one.

    Raises UsageError for other words and where the agent has none, NotFound for an unknown id.
    """
    known = _subagents_of(agent)
    verb, _, id = words.strip().partition(" ")
    if not verb:
        return "\n".join(_listed(known))
    if verb != "stop" or not id.strip():
        raise UsageError(f"/agents can't {words.strip()[:20]!r}", hint="/agents, /agents stop ID")
    worked = known.find(id.strip()).call is not None
    sub = await known.stop(id.strip())
    return f"{sub.name} {sub.id} was stopped" if worked else f"{sub.name} {sub.id} is not at work: {sub.state}"


def words(agent: Agent) -> list[str]:
    """Return the words that may follow /agents."""
    known = next((a.plugin for a in agent.active if isinstance(a.plugin, Subagents)), None)
    return [] if known is None else [f"stop {sub.id}" for sub in known.all.values() if sub.call is not None]


def _subagents_of(agent: Agent) -> Subagents:
    found = next((a.plugin for a in agent.active if isinstance(a.plugin, Subagents)), None)
    if found is None:
        raise UsageError("this creature has no sub-agents", hint="name some in its file: subagents: [explore, worker]")
    return found


def _listed(known: Subagents) -> Iterator[str]:
    working = [_at_work(sub) for sub in known.all.values() if sub.call is not None]
    ended = [
        (e.id, e.name, e.status, f"{e.seconds:,.0f} s", f"{e.used.total:,} tokens", _short(e.text or e.error))
        for e in known.ended
    ]
    yield "at work" if working else "nobody is at work"
    yield from _table(working)
    if ended:
        yield "ended"
        yield from _table(ended)
    yield "to hand work to"
    yield from _table([(name, _short(spec.description)) for name, spec in known.specs.items()])


def _at_work(sub: Subagent) -> Sequence[str]:
    turn = None if sub.agent is None else sub.agent.turn
    if sub.agent is None or turn is None:
        return sub.id, sub.name, sub.state, "", "", ""
    seconds, tokens = perf_counter() - turn.started, turn.usage.total
    return sub.id, sub.name, sub.state, f"{seconds:,.0f} s", f"{tokens:,} tokens", _doing(sub.agent)


def _doing(agent: Agent) -> str:
    """Return the calls that an agent waits for; between them its model is asked."""
    said = [f"{call.name} {' '.join(map(str, (call.arguments or {}).values()))}" for call in agent.open_calls()]
    return _short(", ".join(said)) or "thinks"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:>{w}}" if cell[:1].isdigit() else f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 4]} ..."
