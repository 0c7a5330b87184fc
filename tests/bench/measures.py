"""The measures: each returns a ratio to the floor, taken alternately in the same process or run."""

import asyncio
import gc
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import floor
import ours
from script import TEXT, USER, script

Side = ModuleType | SimpleNamespace
CPU = time.process_time


async def _batch(side: Side, kind: str, count: int) -> float:
    """Return CPU seconds a turn, over `count` agents that had one turn before."""
    agents = [await side.build(script(kind)) for _ in range(count)]
    for agent in agents:
        assert await side.turn(agent, USER) == TEXT
    gc.collect()
    gc.disable()
    began = CPU()
    for agent in agents:
        await side.turn(agent, USER)
    spent = CPU() - began
    gc.enable()
    for agent in agents:
        await side.close(agent)
    return spent / count


async def turns(kind: str, side: Side, *, rounds: int, count: int) -> float:
    """Return the median ratio of a turn's CPU time: text, seq or par."""
    ratios = []
    for _ in range(rounds):
        base = await _batch(floor, kind, count * (3 if kind == "text" else 1))
        ratios.append(await _batch(side, kind, count) / base)
    return statistics.median(ratios)


async def stream(*, rounds: int, deltas: int) -> float:
    """Return the median ratio of the CPU time of one streamed delta."""
    ratios = []
    for _ in range(rounds):
        best = []
        for side in (floor, ours):
            spent = []
            for _ in range(5):
                agent = await side.build(script("stream", deltas=deltas))
                gc.collect()
                gc.disable()
                began, seen = CPU(), 0
                async for delta in side.stream(agent, USER):
                    seen += len(delta)
                spent.append(CPU() - began)
                gc.enable()
                assert seen == 6 * deltas
                await side.close(agent)
            best.append(min(spent))
        ratios.append(best[1] / best[0])
    return statistics.median(ratios)


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def fanout(count: int, *, freeze: bool = False) -> tuple[float, float]:
    """Return (wall time in units of the model's 100 ms, KiB an agent) of `count` concurrent turns.

    `freeze` takes the idle agents out of the garbage collector's sight, as a server with thousands of agents would.
    """
    first = await ours.build(script("text"))
    await ours.turn(first, USER)
    await ours.close(first)
    gc.collect()
    before = _rss()
    agents = [await ours.build(script("text", sleep=0.1)) for _ in range(count)]
    gc.collect()
    if freeze:
        gc.freeze()
    began = time.perf_counter()
    await asyncio.gather(*[ours.turn(agent, USER) for agent in agents])
    wall, memory = time.perf_counter() - began, (_rss() - before) / count / 1024
    gc.unfreeze()
    for agent in agents:
        await ours.close(agent)
    return wall / 0.1, memory


async def growth(*, total: int) -> float:
    """Return the cost of the last 25 turns of one conversation over that of its first 25."""
    agent = await ours.build(script("text"))
    spent = []
    for _ in range(total):
        began = CPU()
        await ours.turn(agent, USER)
        spent.append(CPU() - began)
    await ours.close(agent)
    return statistics.median(spent[-25:]) / statistics.median(spent[:25])


async def build_cost(*, count: int) -> float:
    """Return the ratio of making an agent."""
    spent = []
    for side in (floor, ours):
        began = CPU()
        agents = [await side.build(script("text")) for _ in range(count)]
        spent.append(CPU() - began)
        for agent in agents:
            await side.close(agent)
    return spent[1] / spent[0]


def process(command: list[str], *, rounds: int) -> float:
    """Return the median CPU time of a whole cold process in units of bare python's."""

    def once(argv: list[str]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    bare = [sys.executable, "-I", "-c", "pass"]
    once(command)
    pairs = [(once(bare), once(command)) for _ in range(rounds)]
    return statistics.median(c for _, c in pairs) / statistics.median(b for b, _ in pairs)


async def spawn(backend: str, *, rounds: int) -> float:
    """Return the median wall time of a program inside the walls in units of a plain one's, taken alternately."""
    from kt import Agent
    from kt.testing import ScriptedLLM

    async def plain() -> None:
        process = await asyncio.create_subprocess_exec("true", stdin=asyncio.subprocess.DEVNULL)
        await process.wait()

    settings = {"sandbox": {"backend": backend, "require": "none"}}
    async with await Agent.build({"name": "bench"}, llm=ScriptedLLM(), plugins=[settings]) as agent:
        spent: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds + 3):
            for times, work in zip(spent, (plain(), agent.sandbox.exec.run(["true"])), strict=True):
                began = time.perf_counter()
                await work
                times.append(time.perf_counter() - began)
    return statistics.median(spent[1][3:]) / statistics.median(spent[0][3:])


def isolated(measure: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
    """Run one measure in a process of its own, so that none inherits another's heap."""
    here = str(Path(__file__).parent)
    code = (
        f"import sys, asyncio, json; sys.path.insert(0, {here!r}); import measures; "
        f"print(json.dumps(asyncio.run(measures.{measure.__name__}(*{args!r}, **{options!r}))))"
    )
    import json

    return json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
