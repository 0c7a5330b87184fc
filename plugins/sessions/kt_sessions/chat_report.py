"""/export and /cost: this session as a file for others, and what it used."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from kt import Agent
from kt.errors import NotFound, UsageError

from .chat_own import own_file
from .errors import CannotCreate
from .lines import inert, table
from .reader import SessionReader
from .showing import export as write_export
from .spending import Total, dearest, spent

ENDINGS = {"md": ".md", "html": ".html", "json": ".jsonl"}


async def export(agent: Agent, words: str) -> str:
    """Write the session as md, html or json into a file, by default a new one in the working folder.

    Raises UsageError without a session, CannotCreate for a file that is there already, NotFound where its folder
    is not.
    """
    session = own_file(agent)
    kind, target = _wanted(agent, words.strip(), session.stem)
    if target.exists():
        raise CannotCreate(f"{target.name} is there already", where=str(target), hint=f"/export {kind} OTHER-NAME")
    if not target.parent.is_dir():
        raise NotFound(f"there is no folder {str(target.parent)!r}", hint="make it first, or give another path")
    await agent.durable()
    await asyncio.to_thread(write_export, session, "jsonl" if kind == "json" else kind, target, agent=None)
    return f"the session is in {target}"


async def cost(agent: Agent, words: str) -> str:
    """Return the tokens and the money that the session used, by model, and by agent where there were several."""
    if words.strip():
        raise UsageError("/cost tells of this session", hint="kt cost has all sessions, by day, model or creature")
    session = own_file(agent)
    await agent.durable()
    return "\n".join(await asyncio.to_thread(_costs, session))


def kinds(agent: Agent) -> list[str]:
    """Return the formats of /export."""
    return [*ENDINGS]


def _wanted(agent: Agent, words: str, name: str) -> tuple[str, Path]:
    """Return the format and the file; a path alone says the format by its ending."""
    first, _, rest = words.partition(" ")
    kind = {"jsonl": "json", "markdown": "md"}.get(first, first)
    if kind in ENDINGS:
        path = rest.strip()
    else:
        path = words
        kind = next((each for each, ending in ENDINGS.items() if words.endswith(ending)), "md")
        if words and not Path(words).suffix and "/" not in words:
            raise UsageError(f"there is no format {words[:20]!r}", hint="/export [md|html|json] [PATH]")
    return kind, agent.pwd / Path(path or f"{name}{ENDINGS[kind]}").expanduser()


def _costs(session: Path) -> list[str]:
    models: dict[str, Total] = {}
    agents: dict[str, Total] = {}
    whole = Total()
    with SessionReader(session) as reader:
        for each in spent(reader):
            for total in (models.setdefault(each.model, Total()), agents.setdefault(each.creature, Total()), whole):
                total.add(each)
    if not models:
        return ["nothing was used yet"]
    lines = list(_table("model", {**_sorted(models), "total": whole}))
    return lines if len(agents) == 1 else [*lines, "", *_table("agent", _sorted(agents))]


def _sorted(totals: dict[str, Total]) -> dict[str, Total]:
    return dict(sorted(totals.items(), key=dearest))


def _table(by: str, totals: dict[str, Total]) -> Iterator[str]:
    rows = [[by, "calls", "input", "cached", "output", "cost"]]
    for key, total in totals.items():
        numbers = (total.calls, total.input, total.cached, total.output)
        rows.append([inert(key), *(f"{number:,}" for number in numbers), _money(total)])
    return table(rows, right=(1, 2, 3, 4, 5))


def _money(total: Total) -> str:
    """Return a cost in USD; what has no price is unknown, never nothing."""
    if total.known_cost is None:
        return "unknown"
    unknown = f" + unknown ({total.unpriced:,} of {total.calls:,} calls)" if total.unpriced else ""
    return f"${total.known_cost:,.4f}{unknown}"
