"""kt eval REF: its command line."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Limits
from kt.errors import NotFound, TurnCancelled, nearest

if TYPE_CHECKING:
    from kt import Entry, Plugins

    from .batch import Batch
    from .play import Report
    from .stage import Stage
    from .tasks import Task

OF_A_RUN = ("session", "no-session", "add", "channel", "scripted", "set")
"""Options of `kt run` that a batch has no use for, or an option of its own."""


class Terminated(TurnCancelled):
    """Say that SIGTERM ended the batch."""

    exit_code = 143


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt eval; return 0 where every run passed, 1 where one failed. Raises KTError."""
    entries = [entry for entry in plugins.registry.entries("run_option") if entry.name not in OF_A_RUN]
    given = _parser(plugins.registry.get("parser", "arguments"), entries).read(argv)
    if given is None:
        return 0
    from .batch import run_all
    from .document import file_of, load

    if given.out is not None and not given.out.absolute().parent.is_dir():
        raise NotFound(f"there is no folder for {str(given.out)!r}", where="--out")
    file = given.evals or file_of(plugins, given.ref)
    tasks = _chosen(load(file, plugins.registry), given.task)
    stage = _stage(given, plugins, entries)
    stage.prepare()
    total = len(tasks) * given.repeat
    work = run_all(stage, tasks, repeat=given.repeat, jobs=given.jobs, told=Teller(total))
    batch = asyncio.run(_terminable(work))
    _print(given, stage, batch)
    if batch.error is not None:
        raise batch.error
    return batch.exit_code


async def _terminable(work: "Coroutine[Any, Any, Batch]") -> "Batch":
    """Return what comes of the work. SIGTERM cancels it, lets it clean up, and is then raised as Terminated."""
    task = asyncio.ensure_future(work)
    terminated = asyncio.Event()

    def terminate() -> None:
        terminated.set()
        task.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await task
    except asyncio.CancelledError:
        if terminated.is_set():
            raise Terminated("the evals were terminated") from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _parser(made: Any, entries: "Sequence[Entry]") -> Any:
    parser = made(
        prog="kt eval",
        description="Try a creature on tasks: each in a fresh folder, with a fresh agent, judged by its checks.",
    )
    add = parser.add_argument
    add("ref", metavar="REF", help="@pack/creatures/name, a registered name, a file or a folder")
    add("--evals", type=Path, metavar="FILE", help="the tasks; else evals.yaml beside the creature's file")
    add("--task", action="append", metavar="NAME", help="only this task; may be repeated")
    add("--repeat", type=_count, default=1, metavar="N", help="how often each task runs (1)")
    add("--jobs", type=_count, default=1, metavar="N", help="how many run at once (1)")
    add("--model", metavar="NAME", help="a preset or provider/model, as for kt run")
    add("--scripted", type=Path, metavar="PATH", help="play a script, or that of each task from a folder")
    add("--profile", default="default", metavar="NAME", help="which set of plugins acts")
    add("-p", "--plugin", action="append", metavar="NAME", help="one more; no:NAME: not it")
    add("--max-turns", type=_count, metavar="N", help="bound of model calls in a run")
    add("--max-tokens", type=_count, metavar="N", help="bound of tokens in a run")
    add("--time-limit", type=_seconds, metavar="SECONDS", help="bound of a run (600, unless task or creature says)")
    add("--json", action="store_true", help="print one JSON object")
    add("--out", type=Path, metavar="FILE", help="write that object to a file as well")
    for entry in entries:
        name, help = f"--{entry.name}", entry.help.replace("%", "%%")
        if entry.data.get("is_flag"):
            add(name, action="store_true", help=help)
        else:
            add(name, metavar=entry.data.get("metavar"), help=help)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no positive whole number")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no positive number")
    return number


def _chosen(tasks: "list[Task]", names: list[str] | None) -> "list[Task]":
    """Return the tasks of these names, all without any. Raises NotFound with the nearest."""
    known = [task.name for task in tasks]
    for name in names or ():
        if name not in known:
            raise NotFound(f"no task {name!r}", where="--task", hint=nearest(name, known))
    return [task for task in tasks if not names or task.name in names]


def _stage(given: argparse.Namespace, plugins: "Plugins", entries: "Sequence[Entry]") -> "Stage":
    from .stage import Stage

    environment = [name.strip() for name in os.environ.get("KT_PLUGINS", "").split(",") if name.strip()]
    uses = [*environment, *(given.plugin or ())]
    limits = Limits(given.max_turns, given.max_tokens, given.time_limit)
    stage = Stage(plugins, given.ref, given.profile, given.model, uses, limits=limits, scripted=given.scripted)
    for entry in entries:
        value = getattr(given, entry.name.replace("-", "_"))
        if value not in (None, False):
            entry.load()(stage, value)
    return stage


class Teller:
    """Say on a terminal's standard error how far a batch is."""

    def __init__(self, total: int) -> None:
        self.total, self.ended = total, 0

    def __call__(self, report: "Report") -> None:
        self.ended += 1
        if sys.stderr.isatty():
            said = "passed" if report.passed else "failed"
            print(f"{self.ended}/{self.total} {report.task}: {said} ({report.seconds:.0f} s)", file=sys.stderr)


def _print(given: argparse.Namespace, stage: "Stage", batch: "Batch") -> None:
    from .report import as_json, lines

    if given.json or given.out is not None:
        text = json.dumps(as_json(stage, batch), ensure_ascii=False)
        if given.out is not None:
            given.out.write_text(text + "\n", encoding="utf-8")
    if given.json:
        print(text)
    elif batch.reports:
        print("\n".join(lines(batch, repeated=given.repeat > 1)))
