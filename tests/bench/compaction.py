"""What compaction costs a turn: 200 scripted turns with it and without, `python tests/bench/compaction.py`.

Prints, for each delay of the model, the p50 and p99 of a turn's wall time in both, their ratio, the ratio of a second
run without it (`control`: what the machine's noise makes of nothing), and how often the conversation was compacted.
`--quick` is a smoke run.

Without a delay a turn is some 30 us of our own code, and one turn in 20 has a compaction in it, whose 0.1 ms of
planning and swapping then shows in the p99; beside a model that takes milliseconds it does not.
"""

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from kt import Agent, Message, Request, Text, ToolCall, Usage, tool

ANSWER = "This is a scripted assistant reply of a normal length, sixty-odd characters. " * 8
PAGE = "a line of a page that a tool has read " * 20
CONTEXT = 16_000
SUMMARY = 4
"""How many times as long a summary takes as an answer."""


@tool(effect="read")
async def page() -> str:
    """Read a page."""
    return PAGE


class Model:
    """Call the tool, then answer; each reply takes `delay` seconds, and says how much it was sent."""

    model = "bench"

    def __init__(self, delay: float) -> None:
        self.delay, self.sent = delay, 0

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        last = request.messages[-1]
        summary = last.role == "user" and last.text.startswith("This conversation gets too long")
        await asyncio.sleep(self.delay * (SUMMARY if summary else 1))
        # Three messages a round, so that the model itself does not pay for a long conversation.
        used = len(request.messages) * (len(ANSWER) + len(PAGE)) // 12
        if summary or last.role == "tool":
            yield "text"
            yield Message("assistant", [Text("notes" if summary else ANSWER)], finish="stop", usage=Usage(used, 100))
        else:
            self.sent += 1
            yield Message("assistant", [ToolCall(f"c{self.sent}", "page", "{}")], usage=Usage(used, 10))


async def run(delay: float, turns: int, *, compacting: bool) -> tuple[list[float], int]:
    """Return the wall time of each turn, and how often the conversation was compacted."""
    from kt_compaction.compactor import Compactor
    from kt_compaction.events import CompactionEnded
    from kt_compaction.settings import Settings

    count = 0

    def ended(event: CompactionEnded) -> None:
        nonlocal count
        count += 1

    plugins = [Compactor(Settings(context_tokens=CONTEXT))] if compacting else []
    async with await Agent.build({"name": "bench"}, llm=Model(delay), tools=[page], plugins=plugins) as agent:
        agent.bus.on(CompactionEnded, ended)
        spent = []
        for number in range(turns):
            began = time.perf_counter()
            (await agent.run(f"question {number}")).unwrap()
            spent.append(time.perf_counter() - began)
    return spent, count


async def compare(delay: float, *, turns: int, rounds: int) -> tuple[list[list[float]], int]:
    """Return [p50, p99] of a turn without, with and again without compaction, medians of `rounds`; the compactions."""
    found: tuple[list[list[float]], ...] = ([], [], [])
    count = 0
    for _ in range(rounds):
        for side, compacting in enumerate((False, True, False)):
            gc.collect()
            spent, made = await run(delay, turns, compacting=compacting)
            count = made or count
            found[side].append([percentile(spent, 0.5), percentile(spent, 0.99)])
    return [[statistics.median(column) for column in zip(*side, strict=True)] for side in found], count


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def main() -> None:
    quick = "--quick" in sys.argv
    print("goal: the ratio of p99 is at most 1.2")
    print(f"{'model':>8} {'':>4} {'without':>10} {'with':>10} {'ratio':>6} {'control':>8}  compactions")
    for delay in (0.0, 0.002, 0.01):
        rounds = 1 if quick else 5 if delay > 0.005 else 15
        sides, count = asyncio.run(compare(delay, turns=40 if quick else 200, rounds=rounds))
        for name, before, after, again in zip(("p50", "p99"), *sides, strict=True):
            row = f"{delay * 1e3:>5.0f} ms {name:>4} {before * 1e3:>7.2f} ms {after * 1e3:>7.2f} ms"
            print(f"{row} {after / before:>6.2f} {again / before:>8.2f}  {count}")


if __name__ == "__main__":
    main()
