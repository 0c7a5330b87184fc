"""Many runs: every task as often as asked, several at once, until one meets what ends them all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kt import Host, KTError

from .play import Report, play
from .stage import Stage
from .tasks import Task


@dataclass(slots=True)
class Batch:
    """The reports of the runs that ended, by task and number, and the error that ended the others."""

    reports: list[Report] = field(default_factory=list)
    error: KTError | None = None

    @property
    def exit_code(self) -> int:
        """Return 0 where every run passed, 1 where one failed, the code of the error where one ended all."""
        if self.error is not None:
            return self.error.exit_code
        return 0 if all(report.passed for report in self.reports) else 1


async def run_all(
    stage: Stage, tasks: Sequence[Task], *, repeat: int = 1, jobs: int = 1, told: Callable[[Report], object] = print
) -> Batch:
    """Run tasks `repeat` times, `jobs` at once, on one host; `told` hears of each run that ends."""
    room, batch = asyncio.Semaphore(jobs), Batch()

    async def one(task: Task, number: int) -> None:
        async with room:
            report = await play(stage, host, task, number)
        batch.reports.append(report)
        told(report)

    async with Host(stage.plugins) as host:
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    for number in range(1, repeat + 1):
                        group.create_task(one(task, number))
        except ExceptionGroup as errors:
            batch.error = _known(errors)
    order = [task.name for task in tasks]
    batch.reports.sort(key=lambda report: (order.index(report.task), report.number))
    return batch


def _known(errors: ExceptionGroup[Exception]) -> KTError:
    """Return the error that ended a batch. Raises what is none of ours."""
    first = next((error for error in errors.exceptions if not isinstance(error, KTError)), errors.exceptions[0])
    if isinstance(first, KTError):
        return first
    raise first
