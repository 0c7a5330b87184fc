"""What keeping sessions costs: `python tests/bench/sessions.py` prints ratios to a floor of the same run."""

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import ours
from kt import Agent, Host, Message, Text, ToolCall, ToolResult, Usage, encode
from kt.events import Logged, ToolEnded, ToolStarted
from kt_sessions.log import SessionLog
from script import script

SOURCE = Path(asyncio.__file__).parent.joinpath("base_events.py").read_text()


def events(count: int) -> list[Logged | Message]:
    """Return what an agent records: messages, calls and results with text from real sources, 3% of it Chinese."""
    out: list[Logged | Message] = []
    at = 0
    while len(out) < count:
        at = (at + 997) % (len(SOURCE) - 2000)
        text = SOURCE[at : at + 300] + ("检查文件内容" if len(out) % 33 == 0 else "")
        call = ToolCall(f"c{len(out)}", "read", json.dumps({"path": f"src/file{at}.py", "limit": 200}))
        result = ToolResult(call.id, [Text(SOURCE[at : at + 500])], name="read")
        out += [
            Message("assistant", [Text(text), call], model="m", finish="tool_calls", usage=Usage(4000, 120)),
            ToolStarted(call, "read"),
            ToolEnded(call, result, 0.01),
            Message("tool", [result]),
        ]
    return out[:count]


class Bare:
    """Keep events as a plain program would: JSON rows, a commit for every 20, synchronous=FULL."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = full")
        self.connection.execute("create table event(id integer primary key, kind text, body text)")

    def keep(self, items: list[Any], *, batch: int = 20) -> None:
        for at in range(0, len(items), batch):
            self.connection.execute("begin")
            self.connection.executemany(
                "insert into event(kind, body) values(?, ?)",
                [(type(i).__name__, json.dumps(encode(i), ensure_ascii=False)) for i in items[at : at + batch]],
            )
            self.connection.execute("commit")


async def agent_with(path: Path) -> Agent:
    agent: Agent = await ours.build(script("text"), session=path)
    return agent


def put(log: Any, item: Any) -> None:
    log.add(item) if isinstance(item, Message) else log.append(item)


async def append(folder: Path, *, count: int) -> tuple[float, float]:
    """Return (throughput in units of the plain program's, microseconds an append takes its caller)."""
    items = events(count)
    bare = Bare(folder / "bare.db")
    began = time.perf_counter()
    bare.keep(items)
    floor = time.perf_counter() - began
    agent = await agent_with(folder / "append.ktlog")
    log: Any = agent.log
    spent = []
    began = time.perf_counter()
    for item in items:
        before = time.perf_counter()
        put(log, item)
        spent.append(time.perf_counter() - before)
    await log.durable()
    took = time.perf_counter() - began
    await agent.stop()
    return floor / took, statistics.median(spent) * 1e6


async def lateness(folder: Path, *, seconds: float, rate: int = 600) -> tuple[float, float]:
    """Return the 99th percentile of how late the loop is in ms, (idle, with `rate` appends a second and commits)."""
    agent = await agent_with(folder / "late.ktlog")
    log: Any = agent.log
    items = events(2000)

    async def late(work: bool) -> float:
        found, at, end = [], 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            due = time.perf_counter() + 1 / rate
            await asyncio.sleep(1 / rate)
            found.append(time.perf_counter() - due)
            if work:
                put(log, items[at % len(items)])
                at += 1
                if at % 50 == 0:
                    await log.durable()
        return sorted(found)[int(len(found) * 0.99)] * 1000

    idle, busy = await late(False), await late(True)
    await agent.stop()
    return idle, busy


async def size(folder: Path, *, count: int) -> float:
    """Return the bytes of a session in units of its events as JSON lines."""
    items = events(count)
    raw = sum(len(json.dumps(encode(i), ensure_ascii=False).encode()) for i in items)
    path = folder / "size.ktlog"
    agent = await agent_with(path)
    for item in items:
        put(agent.log, item)
    await agent.stop()
    return path.stat().st_size / raw


async def first_turn(folder: Path) -> float:
    """Return the KiB on the disk after one turn."""
    path = folder / "first.ktlog"
    agent = await agent_with(path)
    await ours.turn(agent, "hello")
    await agent.stop()
    return sum(f.stat().st_size for f in folder.glob("first.*")) / 1024  # noqa: ASYNC240


async def resume(folder: Path, *, count: int) -> float:
    """Return the time to open and resume in units of a plain read of the last 200 events.

    The conversation was summarised 200 events before its end, as any of that length has been.
    """
    path = folder / f"resume{count}.ktlog"
    agent = await agent_with(path)
    items = events(count)
    for item in items[: count - 200]:
        agent.add(item) if isinstance(item, Message) else agent.record(item)
    agent.edit_history(0, len(agent.history), [Message("user", [Text("a summary " * 100)])])
    for item in items[count - 200 :]:
        agent.add(item) if isinstance(item, Message) else agent.record(item)
    await agent.stop()
    bare = Bare(folder / f"bare{count}.db")
    bare.keep(items, batch=1000)
    bare.connection.close()

    def plain() -> float:
        began = time.perf_counter()
        connection = sqlite3.connect(folder / f"bare{count}.db")
        rows = connection.execute("select id, kind, body from event order by id desc limit 200").fetchall()
        assert len([json.loads(body) for _, _, body in rows]) == 200
        connection.close()
        return time.perf_counter() - began

    async def ours_once() -> float:
        host = Host()
        log = SessionLog(path)
        creature = {"name": "bench"}
        made = await Agent.build(creature, llm=ours.Replies(script("text")), tools=[ours.ADD], host=host, session=log)
        began = time.perf_counter()
        await log.open(made)
        took = time.perf_counter() - began
        assert len(made.history) > 50
        await log.close()
        await host.close()
        return took

    times = [(plain(), await ours_once()) for _ in range(15)]
    return statistics.median(o for _, o in times) / statistics.median(p for p, _ in times)


async def growth(folder: Path, *, total: int) -> float:
    """Return the cost of the last 25 turns of a kept conversation over that of the turns 26 to 50."""
    agent = await agent_with(folder / "growth.ktlog")
    spent = []
    for _ in range(total):
        began = time.perf_counter()
        await ours.turn(agent, "hello")
        spent.append(time.perf_counter() - began)
    await agent.stop()
    return statistics.median(spent[-25:]) / statistics.median(spent[25:50])


def main() -> None:
    quick = "--quick" in sys.argv
    count = 400 if quick else 10_000
    with tempfile.TemporaryDirectory(dir=os.environ.get("KT_BENCH_DIR")) as name:
        folder = Path(name)
        rate, caller = asyncio.run(append(folder, count=count))
        show("append, throughput / plain SQLite, batches of 20", rate, ">= 0.6")
        show("append, microseconds on the caller", caller, "<= 20")
        idle, busy = asyncio.run(lateness(folder, seconds=0.5 if quick else 5))
        show("lateness of the loop, p99 ms, idle", idle)
        show("lateness of the loop, p99 ms, appending", busy)
        show("size / JSON lines", asyncio.run(size(folder, count=count)), "<= 1.6")
        show("KiB of a first turn", asyncio.run(first_turn(folder)), "<= 64")
        small = asyncio.run(resume(folder, count=count))
        show(f"open and resume {count} / plain read of 200", small, "<= 2")
        if not quick:
            large = asyncio.run(resume(folder, count=100_000))
            show(f"open and resume 100000 / that of {count}", large / small, "<= 3")
        show("turn 1,000 / turn 25, kept", asyncio.run(growth(folder, total=100 if quick else 1000)), "<= 1.2")


def show(what: str, value: float, goal: str = "") -> None:
    print(f"{what:<50} {value:8.2f}  {goal}")


if __name__ == "__main__":
    main()
