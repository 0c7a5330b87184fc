"""What sessions used: tokens, money and time, by day, model, creature, plugin or session."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from kt import Usage
from kt.errors import KTError

from .lines import dollars, inert, table
from .reader import SessionReader
from .stored import StoredEvent

AGENT, AGAIN, UNKNOWN = "agent", "asked again", "unknown"
"""Who used tokens: an agent's own calls, and those whose reply a plugin replaced; a model that nothing names."""
_FIELDS = tuple(f.name for f in fields(Usage))
_COUNTS = tuple(name for name in _FIELDS if name != "cost")
_TELLING = """select id, stream, h from event where stream in (select id from stream where kind != 'graph') and (
    kind in ('turn_started', 'llm_ended', 'turn_ended') or (
    kind not in ('message_added', 'tool_started', 'tool_ended', 'history_edited', 'input_accepted', 'llm_started',
    'session_created', 'agent_started', 'state_set', 'plugin_saved') and instr(body, '"usage":'))) order by id"""


@dataclass(slots=True)
class Spent:
    """What one call of a model used, or what an event tells of several at once; `time` in seconds since the epoch."""

    time: float
    creature: str
    model: str
    plugin: str
    usage: Usage
    digest: bytes
    calls: int = 1


@dataclass(slots=True)
class Total:
    """The sum of calls. `cost` (USD) is that of the calls whose price is known; `unpriced` counts the others."""

    calls: int = 0
    unpriced: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cost: float = 0.0

    def add(self, spent: Spent) -> None:
        self.calls += spent.calls
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(spent.usage, name))
        if spent.usage.cost is None:
            self.unpriced += spent.calls
        else:
            self.cost += spent.usage.cost

    @property
    def known_cost(self) -> float | None:
        """Return the cost, None where no call has a price."""
        return None if self.unpriced and self.unpriced == self.calls else self.cost

    def data(self) -> dict[str, Any]:
        return asdict(self) | {"cost": self.known_cost}


@dataclass(slots=True)
class _Stream:
    """A stream as far as it was read.

    `replies` and `calls` are of the running turn. `rests` is what turns used beyond their replies; that has what
    plugins told of themselves (`owed`) in it, since it is billed to a turn.
    """

    replies: Usage = field(default_factory=Usage)
    calls: int = 0
    model: str = UNKNOWN
    owed: Usage = field(default_factory=Usage)
    rests: list[Spent] = field(default_factory=list)

    def unexplained(self) -> Iterator[Spent]:
        """Yield the rests that nothing else tells of: a plugin asked the model again."""
        owed = self.owed
        for rest in self.rests:
            if owed.total >= rest.usage.total:
                owed = _minus(owed, rest.usage)
                continue
            rest.usage, owed = _minus(rest.usage, owed), Usage()
            yield rest


def spent(reader: SessionReader, agent: str | None = None) -> Iterator[Spent]:
    """Yield what a session, or one agent of it, tells of calls, those on left paths and of sub-agents too.

    Raises SessionDamaged, and NotFound for an agent that the session has not.
    """
    names = {info.id: info.name for info in (reader.streams if agent is None else reader.family(agent))}
    streams: dict[int, _Stream] = {}
    with reader.bodies.readable():
        rows = reader.connection.execute(_TELLING).fetchall()
    for id, stream, digest in rows:
        if stream not in names:
            continue
        event = reader.event(id)
        found = _told(event, streams.setdefault(stream, _Stream()), names[stream], digest)
        if found is not None:
            yield found
    for stream in streams.values():
        yield from stream.unexplained()


def _told(event: StoredEvent, stream: _Stream, creature: str, digest: bytes) -> Spent | None:
    body = event.body
    if event.kind == "turn_started":
        stream.replies, stream.calls, stream.model = Usage(), 0, UNKNOWN
    elif event.kind == "turn_ended":
        rest = _minus(_usage(body["result"].get("usage")), stream.replies)
        if rest.total:
            calls = max(1, body["result"].get("turns", 0) - stream.calls)
            stream.rests.append(Spent(event.time, creature, stream.model, AGAIN, rest, digest, calls))
    elif event.kind == "llm_ended":
        used, model = usage_of(body), body["message"].get("model") or UNKNOWN
        stream.replies.add(used)
        stream.calls, stream.model = stream.calls + 1, model
        return Spent(event.time, creature, stream.model, AGENT, used, digest)
    else:
        used = _usage(body.get("usage"))
        if used.total or used.cost:
            stream.owed.add(used)
            plugin = event.kind.rpartition("_")[0]
            return Spent(event.time, creature, body.get("model") or UNKNOWN, plugin, used, digest)
    return None


def usage_of(body: Mapping[str, Any]) -> Usage:
    """Return what a reply used, of the body of its `llm_ended`."""
    return _usage(body["usage"] if "usage" in body else body["message"].get("usage"))


def _usage(data: Any) -> Usage:
    return Usage(**{name: data[name] for name in _FIELDS if name in data}) if isinstance(data, Mapping) else Usage()


def _minus(whole: Usage, part: Usage) -> Usage:
    """Return the difference, nothing below 0; its cost is unknown where one of the two is."""
    left = {name: max(getattr(whole, name) - getattr(part, name), 0) for name in _COUNTS}
    cost = whole.cost
    if part.total or part.cost:
        cost = None if cost is None or part.cost is None else max(cost - part.cost, 0.0)
    return Usage(**left, cost=cost)


# kt cost

KEYS: Mapping[str, Callable[[Spent, Path], str]] = {
    "day": lambda spent, path: str(datetime.fromtimestamp(spent.time).date()),
    "model": lambda spent, path: spent.model,
    "creature": lambda spent, path: spent.creature,
    "plugin": lambda spent, path: spent.plugin,
    "session": lambda spent, path: path.stem,
}


@dataclass(slots=True)
class Costs:
    """Sums by key; `incomplete` says of sessions that could not be read to their end why."""

    totals: dict[str, Total] = field(default_factory=dict)
    whole: Total = field(default_factory=Total)
    incomplete: list[str] = field(default_factory=list)


def costs(paths: Iterable[Path], by: str, *, since: float = 0.0) -> Costs:
    """Return what sessions used, by a key of KEYS. What a fork shares with its source counts once."""
    found, key, seen = Costs(), KEYS[by], set[bytes]()
    for path in paths:
        try:
            with SessionReader(path) as reader:
                for each in spent(reader):
                    if each.time >= since and each.digest not in seen:
                        seen.add(each.digest)
                        found.totals.setdefault(key(each, path), Total()).add(each)
                        found.whole.add(each)
        except (KTError, OSError) as error:
            found.incomplete.append(f"{path.stem}: {error}")
    return found


def beginning(days: int | None) -> float:
    """Return the local midnight with which the last `days` days began, today being one of them; 0 for None."""
    if days is None:
        return 0.0
    return datetime.combine(date.today() - timedelta(days=days - 1), time()).timestamp()


def print_costs(paths: Iterable[Path], *, by: str, days: int | None, as_json: bool) -> int:
    """Print what sessions used, and say of which ones that is not all."""
    since = beginning(days)
    found = costs(paths, by, since=since)
    rows = sorted(found.totals.items(), key=None if by == "day" else dearest)
    if as_json:
        print(json.dumps({"by": by, "since": since or None, "rows": [{by: key, **t.data()} for key, t in rows],
                          "total": found.whole.data(), "incomplete": found.incomplete}))  # fmt: skip
        return 0
    for line in totals_table(by, [*rows, ("total", found.whole)]):
        print(line)
    for note in found.incomplete:
        print(inert(f"! not all of it counts: {note}"), file=sys.stderr)
    return 0


def dearest(row: tuple[str, Total]) -> Any:
    return -row[1].cost, -row[1].input - row[1].output, row[0]


def totals_table(by: str, rows: Iterable[tuple[str, Total]]) -> Iterator[str]:
    """Yield the lines of a table of sums."""
    cells = [[by, "calls", "input", "cached", "output", "cost"]]
    for key, total in rows:
        numbers = (total.calls, total.input, total.cached, total.output)
        cells.append([inert(key), *(f"{n:,}" for n in numbers), dollars(total.known_cost, total.unpriced)])
    return table(cells, right=(1, 2, 3, 4))
