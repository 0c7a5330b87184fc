"""kt cost and kt sessions stats: sums that are true, and what is unknown said to be so."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Message, Plugins, SessionReader, Text, Usage
from kt.events import Logged
from kt.testing import running
from kt_sessions.check import repair
from kt_sessions.command import cost, sessions
from kt_sessions.file import SessionFile
from kt_sessions.fork import fork
from kt_sessions.rewind import rewind
from kt_sessions.spending import beginning, spent

Costs = Callable[..., dict[str, Any]]
NOTHING = {"calls": 0, "unpriced": 0, "input": 0, "output": 0, "cached": 0, "cache_write": 0, "reasoning": 0}


@dataclass(slots=True)
class TidyEnded(Logged):
    """A plugin called `tidy` asked a model."""

    usage: Usage = field(default_factory=Usage)


@dataclass(slots=True)
class Boxed(Logged):
    """Something else is called usage."""

    usage: dict[str, Any] = field(default_factory=dict)


@kt.tool(effect="read")
def echo(text: str) -> str:
    if text == "fail":
        raise ValueError("no")
    return text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of the user's sessions; the clock is 14 hours ahead of UTC."""
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    yield tmp_path / "home" / "sessions"
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def costs(capsys: pytest.CaptureFixture[str], folder: Path) -> Costs:
    """Return what tells what `kt cost --json` says: the rows by key, the total as "total"."""

    def costs(by: str = "day", *words: str) -> dict[str, Any]:
        capsys.readouterr()
        assert cost(["--by", by, "--json", *words], Plugins()) == 0
        said = json.loads(capsys.readouterr().out)
        assert said["by"] == by
        return {row.pop(by): row for row in said["rows"]} | {"total": said["total"], "incomplete": said["incomplete"]}

    return costs


def reply(input: int = 10, output: int = 2, cost: float | None = 0.5, model: str = "m") -> Message:
    return Message("assistant", [Text("ok")], model=model, usage=Usage(input, output, cost=cost))


def keep(path: Path, replies: list[Any], *, name: str = "owl", **options: Any) -> list[Usage]:
    """Keep a session with a turn for each reply; return what each turn used."""

    async def talk() -> list[Usage]:
        async with running(replies, session=path, creature={"name": name}, tools=[echo], **options) as agent:
            return [(await agent.run("go")).usage for _ in replies]

    return asyncio.run(talk())


def keep_at(path: Path, *calls: tuple[datetime, float | None]) -> None:
    """Keep a session whose model calls ended at times, at a cost."""
    file = SessionFile(path)
    connection = file.open()
    stream, made = file.add_stream("owl", "agent", None)
    ops: list[Any] = [made]
    for seq, (when, price) in enumerate(calls, 1):
        usage = {"input": 10, "output": 2, **({} if price is None else {"cost": price})}
        message = {"role": "assistant", "parts": [], "model": "m", "usage": usage}
        body = {"number": seq, "message": message}
        ops.append((stream.id, seq, None, int(when.timestamp() * 1e6), None, "llm_ended", 1, body))
    file.commit(connection, ops)
    file.close(connection)


def short(totals: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return (calls, input, cost) by key."""
    return {key: (t["calls"], t["input"], t["cost"]) for key, t in totals.items() if key != "incomplete"}


def test_a_price_that_is_unknown_is_counted_and_never_zero(folder: Path, costs: Costs) -> None:
    keep(folder / "a.ktlog", [reply(cost=0.25), reply(cost=None), reply(cost=0.0)])
    keep(folder / "b.ktlog", [reply(cost=None, model="free")])
    assert costs("model") == {
        "m": {**NOTHING, "calls": 3, "unpriced": 1, "input": 30, "output": 6, "cost": 0.25},
        "free": {**NOTHING, "calls": 1, "unpriced": 1, "input": 10, "output": 2, "cost": None},
        "total": {**NOTHING, "calls": 4, "unpriced": 2, "input": 40, "output": 8, "cost": 0.25},
        "incomplete": [],
    }


def test_nothing_at_all_costs_nothing(folder: Path, costs: Costs, capsys: pytest.CaptureFixture[str]) -> None:
    assert costs() == {"total": {**NOTHING, "cost": 0.0}, "incomplete": []}
    assert cost([], Plugins()) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["total", "0", "0", "0", "0", "$0.0000"]


def test_a_table_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(folder / "a.ktlog", [reply(1500), reply(cost=None)], name="owl\x1b")
    assert cost(["--by", "creature"], Plugins()) == 0
    head, row, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["creature", "calls", "input", "cached", "output", "cost"]
    assert row.split(None, 5) == ["owl\\x1b", "2", "1,510", "0", "4", "$0.5000 + 1 call without a price"]
    assert total.split(None, 5)[1:] == row.split(None, 5)[1:]


def test_days_are_those_of_the_clock_on_the_wall(folder: Path, costs: Costs) -> None:
    utc = UTC
    keep_at(
        folder / "a.ktlog",
        (datetime(2026, 3, 1, 9, 59, tzinfo=utc), 1.0),
        (datetime(2026, 3, 1, 10, 1, tzinfo=utc), 2.0),
    )
    assert short(costs()) == {"2026-03-01": (1, 10, 1.0), "2026-03-02": (1, 10, 2.0), "total": (2, 20, 3.0)}


def test_the_last_days_begin_at_midnight(folder: Path, costs: Costs) -> None:
    midnight = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    tick = timedelta(seconds=1)
    keep_at(folder / "a.ktlog", (midnight - timedelta(days=1) - tick, 1.0), (midnight - tick, 2.0), (midnight, 4.0))
    assert short(costs("creature"))["total"] == (3, 30, 7.0)
    assert short(costs("creature", "--days", "1"))["total"] == (1, 10, 4.0)
    assert short(costs("creature", "--days", "2"))["total"] == (2, 20, 6.0)
    assert beginning(1) == midnight.timestamp()


def test_sums_by_creature_and_session(folder: Path, costs: Costs) -> None:
    keep(folder / "a.ktlog", [reply()], name="owl")
    keep(folder / "b.ktlog", [reply(), reply()], name="owl")
    keep(folder / "c.ktlog", [reply(cost=9.0)], name="fox")
    assert short(costs("creature")) == {"fox": (1, 10, 9.0), "owl": (3, 30, 1.5), "total": (4, 40, 10.5)}
    assert list(short(costs("session"))) == ["c", "b", "a", "total"]


def test_sub_agents_count_as_themselves(folder: Path, costs: Costs) -> None:
    async def talk() -> None:
        path = folder / "a.ktlog"
        async with running([reply(cost=1.0)], session=path, creature={"name": "owl"}) as agent:
            await agent.run("go")
            log: Any = agent.log
            child = log.child()
            async with running([reply(cost=2.0)], session=child, host=agent.host, creature={"name": "mouse"}) as sub:
                await sub.run("go")

    asyncio.run(talk())
    assert short(costs("creature")) == {"mouse": (1, 10, 2.0), "owl": (1, 10, 1.0), "total": (2, 20, 3.0)}


def test_what_was_left_behind_was_paid(folder: Path, costs: Costs) -> None:
    keep(folder / "a.ktlog", [reply(), reply()])
    rewind(folder / "a.ktlog", 1)
    assert short(costs())["total"] == (2, 20, 1.0)


def test_what_copies_share_counts_once(folder: Path, costs: Costs) -> None:
    keep(folder / "a.ktlog", [reply(), reply()])
    fork(folder / "a.ktlog", folder / "b.ktlog", turn=1)
    keep(folder / "b.ktlog", [reply(cost=4.0)])
    repair(folder / "a.ktlog", folder / "c.ktlog")
    assert short(costs("session")) == {"b": (1, 10, 4.0), "a": (2, 20, 1.0), "total": (3, 30, 5.0)}


def test_what_a_plugin_used_is_its_own_and_counts_once(folder: Path, costs: Costs) -> None:
    class Tidies:
        @kt.hookimpl
        async def kt_around_turn(self, agent: Any, turn: Any, next: Any) -> Any:
            used = Usage(100, 7, cost=None)
            agent.record(TidyEnded(used))
            turn.usage.add(used)  # as the bill of a turn has it
            agent.record(Boxed({"cpu": 3}))
            return await next(turn)

    (used,) = keep(folder / "a.ktlog", [reply()], plugins=[Tidies()])
    assert used.input == 110
    found = costs("plugin")
    assert short(found) == {"agent": (1, 10, 0.5), "tidy": (1, 100, None), "total": (2, 110, 0.5)}
    assert found["tidy"]["unpriced"] == 1


def test_what_a_plugin_billed_a_turn_later_counts_once(folder: Path, costs: Costs) -> None:
    class Owes:
        @kt.hookimpl
        async def kt_around_turn(self, agent: Any, turn: Any, next: Any) -> Any:
            if turn.id == 1:
                agent.record(TidyEnded(Usage(100, 7, cost=1.0)))
            else:
                turn.usage.add(Usage(100, 7, cost=1.0))
            return await next(turn)

    keep(folder / "a.ktlog", [reply(), reply()], plugins=[Owes()])
    assert short(costs("plugin")) == {"tidy": (1, 100, 1.0), "agent": (2, 20, 1.0), "total": (3, 120, 2.0)}


def test_a_reply_that_was_replaced_was_paid_too(folder: Path, costs: Costs) -> None:
    class Twice:
        @kt.hookimpl
        async def kt_around_llm_call(self, agent: Any, request: Any, next: Any) -> Any:
            await next(request)
            return await next(request)

    def answers() -> Iterator[Message]:
        yield reply(10, 1, 0.25)
        yield reply(30, 3, 0.5)

    async def talk() -> Usage:
        async with running(answers(), session=folder / "a.ktlog", plugins=[Twice()]) as agent:
            return (await agent.run("go")).usage

    used = asyncio.run(talk())
    found = costs("plugin")
    assert short(found) == {"agent": (1, 30, 0.5), "asked again": (1, 10, 0.25), "total": (2, 40, 0.75)}
    assert (used.input, used.output, used.cost) == (40, 4, 0.75)
    assert short(costs("model"))["m"] == (2, 40, 0.75)


def test_the_sum_is_what_the_turns_used(folder: Path) -> None:
    steps: list[Any] = [[("echo", {"text": "a"})], "b", [("echo", {"text": "c"}), ("echo", {"text": "d"})], "e"]

    async def talk() -> int:
        async with running(steps, session=folder / "a.ktlog", tools=[echo]) as agent:
            return sum([(await agent.run(f"turn {n}")).usage.total for n in range(2)])

    used = asyncio.run(talk())
    with SessionReader(folder / "a.ktlog") as reader:
        assert sum(each.usage.total for each in spent(reader)) == used > 0


def test_a_damaged_session_is_told_and_the_others_count(
    folder: Path, costs: Costs, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(folder / "a.ktlog", [reply()])
    keep(folder / "b.ktlog", [reply(), reply(model="m2")])
    (folder / "b.ktlog").write_bytes((folder / "b.ktlog").read_bytes().replace(b'"m2"', b'"m3"'))
    found = costs()
    (told,) = found["incomplete"]
    assert told.startswith("b: event ")
    assert found["total"]["calls"] == 2
    assert cost([], Plugins()) == 0
    assert capsys.readouterr().err.startswith("! not all of it counts: b: ")


def test_stats_tell_what_is_in_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "a.ktlog"
    steps: list[Any] = [[("echo", {"text": "x" * 40_000}), ("echo", {"text": "fail"})], "done"]

    async def talk() -> None:
        async with running(steps, session=path, tools=[echo]) as agent:
            await agent.run("go")

    asyncio.run(talk())
    assert sessions(["stats", "a", "--json"], Plugins()) == 0
    told = json.loads(capsys.readouterr().out)
    with SessionReader(path) as reader:
        events = list(reader.events())
    assert sum(number for number, _ in told["events"].values()) == len(events)
    assert told["events"]["tool_ended"][0] == 2
    assert (told["bytes"], told["session"]) == (path.stat().st_size, "a")
    assert told["contents"][1] >= 40_000
    assert (told["tools"]["echo"]["calls"], told["tools"]["echo"]["failed"]) == (2, 1)
    assert told["total"]["calls"] == told["models"]["scripted"]["calls"] == told["plugins"]["agent"]["calls"] == 2
    assert told["tool_seconds"] > 0
    assert sessions(["stats"], Plugins()) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["echo", "2", "1"] in [words[:3] for words in lines]
    assert ["agent", "2"] in [words[:2] for words in lines]
