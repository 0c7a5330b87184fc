"""One run of one task: a fresh folder, a fresh agent, one turn, and what the checks say of it."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import ParamSpec, TypeVar

from kt import Agent, Host, KTError
from kt.errors import ConfigError, DataError, KeyRefused, ProviderDown, StoreError, UnknownModel
from kt.events import Event, QuestionAsked

from .folder import lay_out
from .played import APPROVAL, Played, Watched
from .snapshot import snapshot
from .stage import Stage
from .tasks import NO, Judge, Task

P = ParamSpec("P")
T = TypeVar("T")

ENDS_ALL = (ConfigError, KeyRefused, ProviderDown, StoreError, UnknownModel)
"""Errors that say nothing of the creature, and that the next task would meet as well."""


@dataclass(slots=True)
class Verdict:
    """What one check said: `why` it failed, "" where it holds."""

    judge: Judge
    why: str = ""


@dataclass(slots=True)
class Report:
    """How one run ended: its verdicts, and what it took. `number` counts the runs of a task from 1."""

    task: str
    number: int
    status: str
    answer: str
    error: KTError | None
    watched: Watched
    seconds: float
    model: str
    session: str | None
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Tell whether the turn ended well and every check holds."""
        return self.status == "ok" and not any(verdict.why for verdict in self.verdicts)


async def play(stage: Stage, host: Host, task: Task, number: int = 1) -> Report:
    """Run a task and judge it. Raises what building the agent raises, and errors that would end every run."""
    with tempfile.TemporaryDirectory(prefix="kt-eval-", ignore_cleanup_errors=True) as name:
        folder = await to_the_end(lay_out, task, Path(name))
        before = await to_the_end(snapshot, folder)
        agent = await Agent.build(stage.creature, pwd=folder, **stage.built(task, host))
        watched, broken = Watched(), list[DataError]()
        agent.bus.on(Event, watched.hear)
        agent.bus.on(QuestionAsked, _answered(agent, task, broken))
        async with agent:
            began = perf_counter()
            with agent.questions.attached():
                result = await agent.run(task.prompt)
            report = Report(
                task.name, number, result.status.value, result.text, result.error, watched, perf_counter() - began,
                agent.model, agent.session,
            )  # fmt: skip
            if isinstance(result.error, ENDS_ALL):
                raise result.error
            if broken:
                raise broken[0]
            played = Played(agent, folder, before, result, watched)
            report.verdicts = [Verdict(judge, await _problem(judge, played)) for judge in task.judges]
        return report


async def _problem(judge: Judge, played: Played) -> str:
    """Return why a check fails; that it can't be made is a reason. Raises what would end every run."""
    try:
        return await judge.check.problem(played)
    except ENDS_ALL:
        raise
    except (KTError, OSError) as error:
        return f"it can't be checked: {error}"


async def to_the_end(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Run a function in a thread. Whoever is cancelled waits for its end: the folder goes after what writes to it."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])


def _answered(agent: Agent, task: Task, broken: list[DataError]) -> Callable[[QuestionAsked], None]:
    """Return what answers an agent's questions: the creature's as the task says, those of a guard with a no.

    Answers that can't be found are a no as well, and noted in `broken`.
    """

    def answer(question: QuestionAsked) -> None:
        text = NO
        try:
            text = NO if question.topic == APPROVAL else task.answer(question.text)
        except DataError as error:
            broken.append(DataError(error.what, where=f"{task.name}: answers", hint=error.hint))
        agent.questions.answer(question.id, text, by="eval")

    return answer
