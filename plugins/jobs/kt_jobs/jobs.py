"""The jobs of one agent: started by the model, promoted or stopped by anybody, delivered as input."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from kt import Agent, Text, ToolCall, ToolResult, Vetoed, hookimpl
from kt.errors import NotFound, nearest
from kt.events import Logged, Refused, ToolProgress

BACKGROUND = "run_in_background"
KEPT = 4_000
"""Characters kept of what a job said last."""
Next = Callable[[ToolCall], Awaitable[ToolResult]]


@dataclass(slots=True)
class JobStarted(Logged):
    """A call went into the background: at once, or `promoted` while it ran."""

    id: str
    call: ToolCall
    promoted: bool = False


@dataclass(slots=True)
class JobEnded(Logged):
    id: str
    result: ToolResult
    cancelled: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """One call as a task of its own; `result` is set when it has ended.

    `began` and `ended` are times of the host's clock, `output` is the end of what it said while it ran.
    """

    id: str
    call: ToolCall
    began: float = 0.0
    ended: float | None = None
    output: str = ""
    background: bool = False
    result: ToolResult | None = None
    cancelled: bool = False
    task: "asyncio.Task[ToolResult] | None" = None
    detached: asyncio.Event = field(default_factory=asyncio.Event)
    hold: "asyncio.Future[None] | None" = None

    @property
    def state(self) -> str:
        """Return "running", "cancelled" or "done"."""
        return "cancelled" if self.cancelled else "done" if self.result is not None else "running"


class Jobs:
    """Run calls of tools marked `background=True` as jobs.

    Such a call runs in the foreground until somebody promotes it, unless the model asked for the background. A job
    survives its turn and ends at `agent.stop()`; its result joins the turn that runs, or starts one of its own.
    """

    scope: ClassVar[str] = "agent"

    def __init__(self) -> None:
        self.all: dict[str, Job] = {}
        self._count = 0
        self._agent: Agent | None = None

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        self._agent = agent
        off = agent.bus.on(ToolProgress, self._heard)
        try:
            yield
            for job in self.running:
                await self.stop(job.id)
        finally:
            off()

    @hookimpl
    async def kt_around_tool_call(self, agent: Agent, call: ToolCall, next: Next) -> ToolResult:
        tool = agent.tools.get(call.name)
        if tool is None or not tool.background:
            return await next(call)
        arguments = dict(call.arguments or {})
        at_once = arguments.pop(BACKGROUND, False) in (True, "true")
        job = self._start(agent, replace(call, arguments=arguments), next)
        if at_once:
            self._detach(agent, job, promoted=False)
        else:
            await _foreground(job)
        if job.background:
            text = f"{call.name} runs in the background as {job.id}; its result will come as a message."
            return ToolResult(call.id, [Text(text)], name=call.name)
        assert job.task is not None
        if job.task.cancelled():
            return ToolResult(call.id, [Text("cancelled: somebody stopped it")], is_error=True, name=call.name)
        return job.task.result()

    @property
    def running(self) -> list[Job]:
        """Return the jobs in the background that have not ended."""
        return [job for job in self.all.values() if job.background and job.result is None]

    def promote(self, id: str) -> Job:
        """Put a running call, named by its job or call id, into the background. Raises NotFound."""
        job = self.find(id)
        if not job.background and job.result is None and self._agent is not None:
            self._detach(self._agent, job, promoted=True)
        return job

    async def stop(self, id: str) -> Job:
        """Cancel a job and wait until it is gone. Raises NotFound."""
        job = self.find(id)
        if job.result is None and job.task is not None:
            job.task.cancel()
            await asyncio.wait([job.task])
        return job

    def find(self, id: str) -> Job:
        """Return the job of a job or call id. Raises NotFound with the nearest ids."""
        for job in self.all.values():
            if id in (job.id, job.call.id):
                return job
        raise NotFound(f"no job {id!r}", hint=nearest(id, self.all))

    def _heard(self, event: ToolProgress) -> None:
        """Keep what a job says; a report with a fraction takes the place of the one before."""
        for job in self.all.values():
            if job.call.id == event.call_id:
                job.output = event.text if event.fraction is not None else (job.output + event.text)[-KEPT:]

    def _start(self, agent: Agent, call: ToolCall, next: Next) -> Job:
        self._count += 1
        job = self.all[f"j{self._count}"] = Job(f"j{self._count}", call, agent.host.clock.time())

        async def work() -> ToolResult:
            return await next(call)

        # What it raises is no plugin's failure: the call's own caller gets it, or `_ended` delivers it.
        job.task = agent.host.spawn(work(), name=f"{agent.name} {job.id} {call.name}", failed=lambda error: None)
        job.task.add_done_callback(lambda task: self._ended(agent, job, task))
        return job

    def _detach(self, agent: Agent, job: Job, *, promoted: bool) -> None:
        job.background = True
        if agent.turn is not None:
            job.hold = agent.turn.hold()
        agent.record(JobStarted(job.id, job.call, promoted))
        job.detached.set()

    def _ended(self, agent: Agent, job: Job, task: "asyncio.Task[ToolResult]") -> None:
        """Deliver a job's result; a foreground call's own caller has it already."""
        job.cancelled, job.ended = task.cancelled(), agent.host.clock.time()
        error = None if job.cancelled else task.exception()
        if not job.background:
            del self.all[job.id]
        elif job.cancelled or error is not None:
            if isinstance(error, Vetoed):
                agent.record(Refused(f"{job.call.name} {job.call.id}", str(error)))
            outcome = "denied" if isinstance(error, Vetoed) else "failed"
            why = "cancelled" if error is None else f"{outcome}: {error}"
            job.result = ToolResult(job.call.id, [Text(why)], is_error=True, name=job.call.name)
        else:
            job.result = task.result()
        if job.background and job.result is not None:
            agent.record(JobEnded(job.id, job.result, job.cancelled))
            if not agent.stopping:
                _deliver(agent, job, job.result)
        job.detached.set()
        if job.hold is not None and not job.hold.done():
            job.hold.set_result(None)


async def _foreground(job: Job) -> None:
    """Wait until the job ends or is promoted; a cancelled turn cancels it, and waits for its end."""
    assert job.task is not None
    try:
        await job.detached.wait()
    except asyncio.CancelledError:
        job.task.cancel()
        await asyncio.wait([job.task])
        raise


def _deliver(agent: Agent, job: Job, result: ToolResult) -> None:
    ended = "was stopped" if job.cancelled else "failed" if result.is_error else "finished"
    origin = next((p.origin for p in result.parts if p.origin), "job")
    head: list[Any] = [Text(f"[{job.call.name} ({job.id}) {ended}]\n", origin=origin)]
    agent.send([*head, *result.parts], steer=True, source=f"job:{job.id}")
