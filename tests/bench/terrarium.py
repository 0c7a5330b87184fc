"""Print what a terrarium costs over plain agents: `python tests/bench/terrarium.py [--quick]` (about a minute).

Each measure runs in a process of its own; its floor is measured there, right before it.
"""

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from kt import Agent, Host, Terrarium
from ours import Replies
from script import USER, script

CREATURE = {"name": "bench", "prompt": "You are a test agent."}
MODEL_SECONDS = 0.1
Row = tuple[str, float, float | None, bool]
"""What is measured, the figure, its goal, and whether more is better."""


class Silent:
    """A model that never answers, so that what comes for its creature stays in the inbox."""

    model = "silent"

    async def stream(self, request: Any) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield ""


def model(sleep: float = 0.0) -> Replies:
    return Replies(script("text", sleep=sleep))


async def plain(count: int, llm: Any) -> list[Agent]:
    agents = [await Agent.build(CREATURE, llm=llm) for _ in range(count)]
    for agent in agents:
        await agent.start()
    return agents


async def populate(engine: Terrarium, count: int) -> list[Any]:
    return [await engine.add_creature(CREATURE, name=f"c{n}") for n in range(count)]


async def wall(runners: list[Any]) -> float:
    """Return the time of one turn of all of them at once, in units of the model's."""
    gc.collect()
    began = time.perf_counter()
    for result in await asyncio.gather(*[runner.run(USER) for runner in runners]):
        assert result.ok, result.error
    return (time.perf_counter() - began) / MODEL_SECONDS


async def turns(quick: bool) -> list[Row]:
    """Run all creatures of one engine at once, and as many plain agents, alternately; the best round counts."""
    count, rounds = (100, 1) if quick else (1000, 5)
    agents = await plain(count, model(MODEL_SECONDS))
    spent: tuple[list[tuple[float, float]], ...] = ([], [])
    async with Terrarium(llm=model(MODEL_SECONDS)) as engine:
        crew = await populate(engine, count)
        for _ in range(rounds):
            for times, runners in zip(spent, (agents, crew), strict=True):
                began = time.process_time()
                times.append((await wall(runners), time.process_time() - began))
    for agent in agents:
        await agent.stop()
    (floor, floor_cpu), (ours, ours_cpu) = ([min(column) for column in zip(*times, strict=True)] for times in spent)
    return [
        (f"{count} creatures, a turn each / 100 ms", ours, 1.5, False),
        (f"{count} plain agents, a turn each / 100 ms", floor, None, False),
        ("CPU time of a creature's turn / a plain agent's", ours_cpu / floor_cpu, 1.2, False),
    ]


async def many(quick: bool) -> list[Row]:
    """Run as many as nobody needs, to see that none fails."""
    count = 200 if quick else 10_000
    agents = await plain(count, model(MODEL_SECONDS))
    floor = await wall(agents)
    for agent in agents:
        await agent.stop()
    del agents, agent
    async with Terrarium(llm=model(MODEL_SECONDS)) as engine:
        ours = await wall(await populate(engine, count))
    return [
        (f"{count} creatures, a turn each / 100 ms", ours, None, False),
        (f"{count} plain agents, a turn each / 100 ms", floor, None, False),
    ]


async def memory(quick: bool) -> list[Row]:
    """Count the bytes that a creature has beside its agent, both after a turn."""
    count = 100 if quick else 1000
    llm = model()
    warm = await plain(1, llm)
    await wall(warm)
    async with Terrarium(llm=llm) as engine:
        await wall(await populate(engine, 1))
    tracemalloc.start()
    agents = await plain(count, llm)
    await wall(agents)
    gc.collect()
    floor = tracemalloc.get_traced_memory()[0]
    for agent in agents:
        await agent.stop()
    del agents, agent
    gc.collect()
    left = tracemalloc.get_traced_memory()[0]
    async with Terrarium(llm=llm) as engine:
        await wall(await populate(engine, count))
        gc.collect()
        ours = tracemalloc.get_traced_memory()[0] - left
    tracemalloc.stop()
    return [
        (f"KiB of a creature beside its agent ({count})", (ours - floor) / count / 1024, 16, False),
        (f"KiB of a plain agent ({count})", floor / count / 1024, None, False),
    ]


async def broadcast(quick: bool) -> list[Row]:
    """Send on a channel to 200 creatures whose inboxes take it, and append as much to 200 deques; CPU time."""
    listeners, messages, rounds = 200, 50 if quick else 250, 3
    boxes: list[deque[str]] = [deque() for _ in range(listeners)]
    spent: tuple[list[float], list[float]] = ([], [])
    async with Terrarium(llm=Silent()) as engine:
        crew = await populate(engine, listeners + 1)
        await engine.add_channel("all", senders=crew[:1], listeners=crew[1:])
        await engine.send("all", "the first starts their turns", sender="c0")
        await asyncio.sleep(0.1)
        gc.collect()
        for _ in range(rounds):
            began = time.process_time()
            for n in range(messages):
                text = f"message {n}"
                for box in boxes:
                    box.append(text)
            spent[0].append(time.process_time() - began)
            began = time.process_time()
            for n in range(messages):
                await engine.send("all", f"message {n}", sender="c0")
            spent[1].append(time.process_time() - began)
        assert all(len(member.agent.inbox.items) == rounds * messages for member in crew[1:])
    floor, ours = map(min, spent)
    return [
        ("deliveries a second, 200 listeners", listeners * messages / ours, 100_000, True),
        ("CPU time of a delivery / a plain append", ours / floor, None, False),
    ]


async def adding(quick: bool) -> list[Row]:
    """Add creatures to an engine that has one, against building and starting plain agents."""
    count = 100 if quick else 1000
    llm = model()
    agents = await plain(count, llm)
    began = time.perf_counter()
    more = await plain(count, llm)
    floor = (time.perf_counter() - began) / count * 1000
    for agent in (*agents, *more):
        await agent.stop()
    async with Terrarium(llm=llm) as engine:
        await engine.add_creature(CREATURE, name="first")
        began = time.perf_counter()
        await populate(engine, count)
        alone = (time.perf_counter() - began) / count * 1000
        one = engine.member("first")
        began = time.perf_counter()
        for n in range(count // 5):
            await engine.add_creature(CREATURE, name=f"d{n}", graph=one)
        joined = (time.perf_counter() - began) / (count // 5) * 1000
    return [
        ("ms to add a creature", alone, 1, False),
        (f"ms to add one to a graph, up to {count // 5}", joined, 1, False),
        ("ms to build and start a plain agent", floor, None, False),
    ]


async def idle(quick: bool) -> list[Row]:
    """Count the tasks and timers of creatures that have nothing to do."""
    count = 100 if quick else 1000
    async with Terrarium(llm=model()) as engine:
        crew = await populate(engine, count)
        await engine.add_channel("all", senders=crew[:1], listeners=crew)
        await wall(crew)
        await engine.quiet()
        await asyncio.sleep(0)
        tasks = len(asyncio.all_tasks()) - 1
        timers = len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]
        assert all(member.agent.turns == 1 for member in crew)
    return [
        (f"tasks of {count} idle creatures", tasks, 0, False),
        (f"timers of {count} idle creatures", timers, 0, False),
    ]


async def sessions(quick: bool) -> list[Row]:
    """Run creatures that each keep a file of their own, as a batch that grades 60 answers does."""
    count = 10 if quick else 60
    with tempfile.TemporaryDirectory() as name:
        floor = await plain_sessions(Path(name) / "plain", count)
        folder = Path(name) / "kept"
        began = time.perf_counter()
        async with Terrarium(llm=model(), session_dir=folder) as engine:
            crew = await populate(engine, count)
            ran = await wall(crew) * MODEL_SECONDS
        whole = time.perf_counter() - began
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert len(files) == count, files
        largest = max(file.stat().st_size for file in files) / 1024
    return [
        (f"s for {count} creatures with sessions, a turn each", ran, None, False),
        ("s with adding and closing them", whole, None, False),
        ("s with adding and closing them / plain agents", whole / floor, 1.5, False),
        (f"KiB of the largest of {len(files)} files", largest, 64, False),
    ]


async def plain_sessions(folder: Path, count: int) -> float:
    """Return the seconds that agents with sessions take without an engine."""
    began = time.perf_counter()
    async with Host() as host:
        agents = []
        for n in range(count):
            creature = {**CREATURE, "name": f"c{n}"}
            agents.append(await Agent.build(creature, llm=model(), host=host, session=True, session_dir=folder))
            await agents[-1].start()
        await wall(agents)
        for agent in agents:
            await agent.stop()
    return time.perf_counter() - began


MEASURES: tuple[Callable[[bool], Awaitable[list[Row]]], ...] = (
    turns, many, memory, broadcast, adding, idle, sessions,
)  # fmt: skip


def main(quick: bool) -> None:
    print(f"{'measure':<52}{'figure':>12}{'goal':>10}")
    for measure in MEASURES:
        command = [sys.executable, __file__, f"--only={measure.__name__}", *(["--quick"] if quick else [])]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        for name, figure, goal, more in json.loads(done.stdout):
            good = goal is not None and (figure >= goal if more else figure <= goal)
            mark = "" if goal is None else "  ok" if good else "  missed"
            print(f"{name:<52}{figure:>12,.2f}{goal if goal is not None else '-':>10}{mark}", flush=True)


if __name__ == "__main__":
    chosen = [m for m in MEASURES if f"--only={m.__name__}" in sys.argv]
    if chosen:
        print(json.dumps(asyncio.run(chosen[0]("--quick" in sys.argv))))  # type: ignore[arg-type]
    else:
        main("--quick" in sys.argv)
