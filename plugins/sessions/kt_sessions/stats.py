"""What is in one session: events, tokens, time: `kt sessions stats`."""

import json
from dataclasses import asdict, dataclass, field

from .lines import count, one_line, table, took
from .reader import SessionReader
from .spending import Total, dearest, spent, totals_table


@dataclass(slots=True)
class ToolUse:
    """What became of the calls of one tool."""

    calls: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Stats:
    """What is in a session file: sizes in bytes, times in seconds; events as kind -> (number, bytes)."""

    bytes: int
    events: dict[str, tuple[int, int]]
    contents: tuple[int, int]
    total: Total = field(default_factory=Total)
    models: dict[str, Total] = field(default_factory=dict)
    plugins: dict[str, Total] = field(default_factory=dict)
    creatures: dict[str, Total] = field(default_factory=dict)
    tools: dict[str, ToolUse] = field(default_factory=dict)
    model_seconds: float = 0.0
    tool_seconds: float = 0.0


def stats(reader: SessionReader, agent: str | None = None) -> Stats:
    """Return what is in a session, all of it read and verified; of one agent and its parts where that is given.

    Raises SessionDamaged, and NotFound for an agent that the session has not.
    """
    streams = [info.id for info in (reader.streams if agent is None else reader.family(agent))]
    with reader.bodies.readable():
        kinds = reader.connection.execute(
            "select kind, count(*), sum(length(cast(body as blob))) from event "
            "where stream in (select value from json_each(?)) group by kind order by 3 desc",
            (json.dumps(streams),),
        ).fetchall()
        contents = reader.connection.execute("select count(*), coalesce(sum(length(data)), 0) from blob").fetchone()
    files = (reader.path, reader.path.with_name(reader.path.name + "-wal"))
    size = sum(file.stat().st_size for file in files if file.exists())
    found = Stats(size, {kind: (number, size) for kind, number, size in kinds}, contents)
    for event in reader.events(kinds=("llm_ended", "tool_ended")):
        if event.stream not in streams:
            continue
        if event.kind == "llm_ended":
            found.model_seconds += event.body["message"].get("seconds", 0.0)
            continue
        use = found.tools.setdefault(event.body["call"]["name"], ToolUse())
        use.calls += 1
        use.failed += bool(event.body["result"].get("is_error"))
        use.seconds += event.body["seconds"]
        found.tool_seconds += event.body["seconds"]
    for each in spent(reader, agent):
        sums = (found.models, each.model), (found.plugins, each.plugin), (found.creatures, each.creature)
        for total in (found.total, *(totals.setdefault(name, Total()) for totals, name in sums)):
            total.add(each)
    return found


def print_stats(reader: SessionReader, *, agent: str | None, as_json: bool) -> int:
    """Print what is in a session, or of one agent in it."""
    found = stats(reader, agent)
    if as_json:
        sums = {name: {key: total.data() for key, total in getattr(found, name).items()}
                for name in ("models", "plugins", "creatures")}  # fmt: skip
        print(json.dumps({"session": reader.path.stem, **asdict(found), "total": found.total.data(), **sums}))
        return 0
    number, size = found.contents
    print(f"{count(found.bytes, 'byte')}; {count(number, 'content')} of {count(size, 'byte')}")
    print(f"{took(found.model_seconds)} in models, {took(found.tool_seconds)} in tools\n")
    rows = [("event", "number", "bytes")]
    rows += [(one_line(kind), f"{n:,}", f"{size:,}") for kind, (n, size) in found.events.items()]
    uses = [("tool", "calls", "failed", "time")]
    uses += [(one_line(name, 40), f"{u.calls:,}", f"{u.failed:,}", took(u.seconds)) for name, u in found.tools.items()]
    tables = [table(rows, right=(1, 2)), table(uses, right=(1, 2, 3))]
    for name in ("models", "plugins", "creatures"):
        tables.append(totals_table(name.removesuffix("s"), sorted(getattr(found, name).items(), key=dearest)))
    print("\n\n".join("\n".join(lines) for lines in tables))
    return 0
