"""Background jobs: tool calls that belong to the agent, not to the turn that started them."""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._events import JobEnded, JobStarted
from ._messages import Message, Text, ToolCall, ToolResult
from .errors import NotFound, nearest

if TYPE_CHECKING:
    from ._agent import Agent
    from ._turn import Turn

Work = Callable[[], Coroutine[Any, Any, ToolResult]]


class Job:
    """One call that runs as a task of its own; `result` is set when it has ended."""

    __slots__ = ("background", "call", "detached", "id", "result", "started", "stopped", "task", "turn")

    def __init__(self, id: str, call: ToolCall, turn: "Turn | None") -> None:
        self.id, self.call, self.turn = id, call, turn
        self.started, self.stopped, self.background = perf_counter(), False, False
        self.result: ToolResult | None = None
        self.detached = asyncio.Event()
        self.task: asyncio.Task[ToolResult]

    @property
    def state(self) -> str:
        """Return "running", "cancelled" or "done"."""
        return "cancelled" if self.stopped else "done" if self.result is not None else "running"


class Jobs:
    """The jobs of one agent, by id."""

    __slots__ = ("_agent", "_count", "all", "arrived")

    def __init__(self, agent: "Agent") -> None:
        self._agent, self._count = agent, 0
        self.all: dict[str, Job] = {}
        self.arrived = asyncio.Event()

    @property
    def running(self) -> list[Job]:
        return [j for j in self.all.values() if j.background and j.result is None]

    def start(self, call: ToolCall, work: Work, turn: "Turn | None") -> Job:
        """Start a call as a job, in the foreground until it is promoted."""
        self._count += 1
        job = Job(f"j{self._count}", call, turn)
        self.all[job.id] = job
        job.task = self._agent.host.spawn(self._run(job, work), name=f"{call.name} {job.id}")
        job.task.add_done_callback(lambda _: self._ended(job))
        return job

    def _ended(self, job: Job) -> None:
        job.detached.set()
        if not job.background:
            self.all.pop(job.id, None)

    async def _run(self, job: Job, work: Work) -> ToolResult:
        try:
            job.result = await work()
        except asyncio.CancelledError:
            job.result = cancelled(job.call)
            if not job.background:
                raise
            job.stopped = True
        if job.background:
            self._deliver(job)
        return job.result

    def promote(self, id: str) -> Job:
        """Put a running foreground call, named by job or call id, into the background. Raises NotFound."""
        job = self.find(id)
        if not job.background and job.result is None:
            job.background = True
            if job.turn is not None:
                job.turn.jobs.append(job)
            self._agent.record(JobStarted(job.id, job.call, promoted=True))
            job.detached.set()
        return job

    async def stop(self, id: str) -> Job:
        """Cancel a job and wait until it is gone. Raises NotFound."""
        job = self.find(id)
        if job.result is None:
            job.task.cancel()
            await asyncio.wait([job.task])
        return job

    def find(self, id: str) -> Job:
        """Return the job of a job or call id. Raises NotFound."""
        for job in self.all.values():
            if id in (job.id, job.call.id):
                return job
        raise NotFound(f"no job {id!r}", hint=nearest(id, self.all))

    def _deliver(self, job: Job) -> None:
        assert job.result is not None
        self._agent.record(JobEnded(job.id, job.result, job.stopped))
        text = f"[{job.call.name} ({job.id}) {'was stopped' if job.stopped else 'finished'}]\n{job.result.text}"
        origin = next((p.origin for p in job.result.parts if p.origin), "") or "job"
        if not self._agent.stopping:
            self._agent.inbox.job(Message("user", [Text(text, origin=origin)]), job)
        self.arrived.set()


def cancelled(call: ToolCall, why: str = "cancelled before it finished; its outcome is unknown") -> ToolResult:
    """Return the result that stands in for a call that never gave one."""
    return ToolResult(call.id, [Text(why)], is_error=True, name=call.name)
