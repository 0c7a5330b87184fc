"""Print the table of ratios: `python tests/bench/run.py` (about two minutes; `--quick` for a smoke run)."""

import asyncio
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))

import measures
import ours
import terminal
import wires

KT = shutil.which("kt", path=str(Path(sys.executable).parent)) or "kt"
GUARDED = SimpleNamespace(build=ours.build_guarded, turn=ours.turn, close=ours.close)


def rows(*, quick: bool) -> list[tuple[str, float, float | None]]:
    """Return (measure, ratio, goal) rows; goal None: only watched."""
    rounds, count = (1, 20) if quick else (9, 150)
    few, some = (1, 20) if quick else (7, 40)
    run = asyncio.run
    out: list[tuple[str, float, float | None]] = [
        ("text turn", run(measures.turns("text", ours, rounds=rounds, count=count)), 15),
        ("sequential tool call", run(measures.turns("seq", ours, rounds=few, count=some)), 3),
        ("parallel tool call", run(measures.turns("par", ours, rounds=few, count=some)), 2),
        ("stream delta", run(measures.stream(rounds=few, deltas=200 if quick else 2000)), 2),
        ("cost of turn 1,000 / turn 25", run(measures.growth(total=100 if quick else 1000)), 1.1),
        ("text turn, 2 hooks and a guard", run(measures.turns("text", GUARDED, rounds=few, count=some)), None),
        (
            "sequential tool call, 2 hooks and a guard",
            run(measures.turns("seq", GUARDED, rounds=few, count=some)),
            None,
        ),
        ("build and start an agent", run(measures.build_cost(count=50 if quick else 300)), None),
    ]
    for agents, goal in ((100, 1.3),) if quick else ((1000, 1.3), (10_000, 4.0)):
        wall, memory = measures.isolated(measures.fanout, agents)
        out.append((f"{agents} concurrent agents / 100 ms", wall, goal))
        out.append((f"{agents} agents, KiB each", memory, 8))
    if not quick:
        wall, _ = measures.isolated(measures.fanout, 10_000, freeze=True)
        out.append(("10000 concurrent agents / 100 ms, gc.freeze()", wall, None))
    out += walls(quick=quick)
    out += providers(quick=quick)
    out += terminal.rows(quick=quick)
    starts = 2 if quick else 9
    for label, command, goal in (
        ("import kt", [sys.executable, "-c", "import kt"], 8),
        ("import kt and a provider", [sys.executable, "-c", "import kt, kt_http.provider, kt_openai.chat_reply"], 45),
        ("from kt import Agent", [sys.executable, "-c", "from kt import Agent"], None),
        ("kt --version", [KT, "--version"], 1.5),
        ("kt --help", [KT, "--help"], 5),
        ("kt run --help", [KT, "run", "--help"], None),
    ):
        out.append((f"{label} / bare python", measures.process(command, rounds=starts), goal))
    return out


def walls(*, quick: bool) -> list[tuple[str, float, float | None]]:
    """Return the rows of what it costs to start a program inside the walls that this machine has."""
    from kt_sandbox.probe import MAKES, missing

    goals = {"bubblewrap": 10.0}
    there = [name for name in MAKES if not missing()[name]]
    rounds = 5 if quick else 200
    return [
        (f"spawn in {name} / plain", asyncio.run(measures.spawn(name, rounds=rounds)), goals.get(name))
        for name in there
    ]


def providers(*, quick: bool) -> list[tuple[str, float, float | None]]:
    """Return the rows of what a provider costs."""
    rounds, chunks, times = (1, 100, 3) if quick else (9, 2000, 60)
    run = asyncio.run
    rows: list[tuple[str, float, float | None]] = [
        (f"chunk over {wire}", run(wires.chunk(wire, chunks=chunks, rounds=rounds)), 3) for wire in wires.WIRES
    ]
    rows += [(f"short request over {wire}", run(wires.request(wire, rounds=times)), 7) for wire in wires.WIRES]
    rows += [
        (f"request after 120 messages / none, {wire}", run(wires.history(wire, rounds=times)), 1.5)
        for wire in wires.WIRES
    ]
    return rows


def main() -> None:
    print(f"{'measure':<48}{'ratio':>8}{'goal':>8}")
    for name, ratio, goal in rows(quick="--quick" in sys.argv):
        mark = "" if goal is None else "  ok" if ratio <= goal else "  over"
        print(f"{name:<48}{ratio:>8.2f}{goal if goal is not None else '-':>8}{mark}", flush=True)


if __name__ == "__main__":
    main()
