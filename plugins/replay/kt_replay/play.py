"""Replay a session: its turns are run again, one after the other, against the recorded answers."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kt import Agent, TurnResult
from kt.errors import NotFound, UsageError
from kt_sessions.messages import message_of
from kt_sessions.reader import SessionReader
from kt_sessions.restore import restore

from .build import Changes, build_agent
from .compare import Findings, Trace
from .parse import read_record
from .record import Process, Record, Turn
from .report import ReplayReport
from .stage import Stage
from .texts import canonical

LIVE = ("read",)
"""Effects of tools that may run for real."""


async def replay(
    path: str | Path,
    *,
    plugins: Sequence[object] = (),
    until: int | None = None,
    live_tools: Collection[str] = (),
    agent: str | None = None,
    skip_bad: bool = False,
    **options: Any,
) -> ReplayReport:
    """Run a recorded session again, offline, and return what differs.

    plugins: as for `Agent.build`, beside the recorded ones; "no:name" takes one away. until: the last turn. live_tools:
    ("read",) runs tools that only read for real, and compares their results. agent: its name, where the session has
    several. skip_bad: go on without plugins that do not load. Further options are those of `Agent.build`, over the
    recorded ones: give functions and objects again, which no file can keep.

    Raises NotFound, SessionDamaged, UsageError, and what `Agent.build` raises.
    """
    if unknown := set(live_tools) - set(LIVE):
        raise UsageError(f"tools with effect {sorted(unknown)[0]!r} are never run again", hint="live tools: read")
    with SessionReader(path) as reader:
        record = read_record(reader, agent)
    _end_at(record, until)
    baseline = None
    changes = Changes(list(plugins), options, frozenset(live_tools))
    with ExitStack() as stack:
        folder = _folder(record, changes, stack)
        again = changes.again(record)
        if (again.plugins, again.options) != (changes.plugins, changes.options):
            baseline = Player(record, again, folder, skip_bad=skip_bad)
            await baseline.play()
        player = Player(record, changes, folder, baseline.findings.trace if baseline else None, skip_bad=skip_bad)
        await player.play()
    return player.report


def _end_at(record: Record, until: int | None) -> None:
    if until is None:
        return
    for process in record.processes:
        process.turns = [turn for turn in process.turns if turn.number <= until]
    record.processes = [process for process in record.processes if process.turns]
    if not record.processes:
        raise NotFound(f"the session has no turn {until}", where=record.path, hint="kt sessions show")


def _folder(record: Record, changes: Changes, stack: ExitStack) -> Path:
    """Return the recorded working folder; an empty one where that is gone and nothing is read in it."""
    folder = Path(record.made["pwd"])
    if folder.is_dir():
        return folder
    if changes.live and "pwd" not in changes.options:
        raise NotFound(f"the session's working folder {str(folder)!r} is gone", hint="replay without live tools")
    return Path(stack.enter_context(TemporaryDirectory(prefix="kt-replay-")))


class Player:
    """Play a record once; `findings` is what came of it."""

    def __init__(
        self, record: Record, changes: Changes, folder: Path, baseline: Trace | None = None, *, skip_bad: bool = False
    ) -> None:
        self.record, self.changes, self.folder, self.skip_bad = record, changes, folder, skip_bad
        self.findings = Findings(baseline)
        self.report = ReplayReport(differences=self.findings.differences)

    async def play(self) -> None:
        """Play all turns."""
        left_out: set[str] = set()
        for process in self.record.processes:
            stage = Stage(process, self.findings)
            agent = await build_agent(self.record, stage, self.changes, self.folder, skip_bad=self.skip_bad)
            try:
                await self._process(stage, agent, process)
            finally:
                await agent.stop()
                await agent.host.close()
            left_out |= stage.absent
            self.report.turns += len(process.turns)
            self.report.model_calls += stage.model_calls
            self.report.tool_calls += stage.calls.count
        self.report.left_out = sorted(left_out)
        self.report.differences.sort(key=lambda d: (d.turn, d.step))

    async def _process(self, stage: Stage, agent: Agent, process: Process) -> None:
        if process.start is not None:
            restore(agent, process.start, self.record.path)
        await agent.start()
        self.findings.turn, self.findings.step = process.turns[0].number, 0
        tools = "\n".join(process.tools), "\n".join(tool.name for tool in agent.tool_list)
        self.findings.once("tools", *tools)
        for turn in process.turns:
            stage.begin(turn)
            agent.plugin("replay").change(agent, turn.before)
            run = agent.run(None if turn.message is None else message_of(turn.message))
            if turn.status is None:
                await self._cut(stage, asyncio.create_task(run))
            else:
                self._ended(stage, agent, turn, await run)
            await _let_jobs_start()
            self._compare(stage, agent, turn)

    async def _cut(self, stage: Stage, run: "asyncio.Task[TurnResult]") -> None:
        """Drop a turn where the process ended in it."""
        stuck = asyncio.create_task(stage.settled())
        await asyncio.wait({run, stuck}, return_when=asyncio.FIRST_COMPLETED)
        stuck.cancel()
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
        self._missing(stage)

    def _ended(self, stage: Stage, agent: Agent, turn: Turn, result: TurnResult) -> None:
        """Compare how a turn ended, and what the conversation is."""
        for pending in list(agent.inbox.items) if agent.has_input else ():
            pending.withdraw()
            if pending.id not in stage.given:
                self.findings.add(f"input from {pending.source}", None, pending.message.text)
        self._missing(stage)
        for step in stage.left:
            stage.talk.apply(step.before.changes)
        stage.talk.apply(turn.after.changes)
        agent.plugin("replay").change(agent, turn.after)
        stage.talk.compare(agent.history, self.findings)
        stage.talk.join(agent.history)
        code = getattr(result.error, "code", "")
        recorded = _result_text(turn.status or "", (turn.error or {}).get("code", ""), turn.text)
        self.findings.compare("result", recorded, _result_text(str(result.status), code, result.text))

    def _missing(self, stage: Stage) -> None:
        if left := stage.left:
            self.findings.add("model call", f"the model is asked again ({len(left)} more)", None)

    def _compare(self, stage: Stage, agent: Agent, turn: Turn) -> None:
        stage.calls.compare(turn)
        if turn.status is None:
            return
        for key in sorted(turn.state.keys() | agent.state.keys()):
            recorded, now = turn.state.get(key), agent.state.get(key)
            if canonical(recorded) != canonical(now):
                self.findings.compare(f"state {key!r}", recorded, now)
                stage.keep([(key, recorded)])


def _result_text(status: str, code: str, text: str) -> str:
    return f"{status} {code}".rstrip() + (f"\n{text}" if text else "")


async def _let_jobs_start() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
