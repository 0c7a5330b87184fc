"""The plugin `compaction`: what is old in a conversation becomes a summary, while the turns go on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from time import perf_counter

from kt import Agent, Message, Request, Usage, hookimpl
from kt.errors import ContextTooLong, KTError, MissingPlugin, ModelError, UsageError

from .clear import clear_results
from .events import CompactionEnded, CompactionFailed, CompactionStarted
from .gauge import Gauge
from .hooks import Compaction
from .job import Job
from .plan import Plan, make_plan
from .settings import Settings
from .sizes import fixed_size, size_of, sizes_of
from .summariser import Model, Summariser
from .summary import prompt_of

ATTEMPTS = 2
"""Summaries that a refused request waits for: one that was begun long ago may free too little."""


class Compactor:
    """Keep a conversation below what its model takes; `compact()` does it at once.

    A Compactor is one agent's. It never changes a message, and edits the history only between two requests.
    """

    Config = Settings
    name = "compaction"
    tier = "outer"  # further out than prices, so that a summary is not taken for a part of the reply

    def __init__(self, config: Settings | None = None) -> None:
        self.config = config or Settings()
        self._agent: Agent | None = None
        self._other: Model | None = None
        self._gauge = Gauge(self.config)
        self._job: Job | None = None
        self._unbilled: Usage | None = None

    async def compact(self, focus: str = "") -> None:
        """Summarise now, and return when the summary is there; `focus` says what must be in it.

        It takes its place at once where no turn runs, else before the turn's next request. Raises UsageError where
        there is nothing to summarise, ModelError where it failed.
        """
        agent, job = self._agent, self._job
        if agent is None:
            raise UsageError("compaction needs a running agent", hint="await agent.start() first")
        if job is not None and focus and job.compaction.focus != focus:
            self._drop(agent, job, "it was asked for again, with another focus")
        job = self._job or self._start(agent, "asked", focus)
        if job is None:
            raise UsageError("there is nothing to summarise yet")
        await job.wait()
        if job.error:
            raise ModelError(f"no summary: {job.error}")

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        if self._agent is not None:
            raise UsageError(f"this compaction is that of agent {self._agent.name!r}", hint="give each agent its own")
        self._other = _other_model(agent, self.config)
        self._agent, self._gauge = agent, Gauge(self.config)
        try:
            yield
        finally:
            if (job := self._job) is not None:
                self._drop(agent, job, "the agent stopped")
                await job.wait()
            self._agent = None

    @hookimpl
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        turn, gauge = agent.turn, self._gauge
        assert turn is not None
        if self._job is not None or self._unbilled is not None or gauge.now(agent.history) >= gauge.full:
            request = await self._before(agent, request)
        began = turn.turns
        try:
            reply = await next(request)
        except ContextTooLong as error:
            request = await self._relieve(agent, request, error)
            began = turn.turns
            reply = await next(request)
        # The usage of a reply that took several calls is their sum, and says nothing about the context.
        if reply.usage is not None and turn.turns == began + 1:
            gauge.measured(reply.usage, len(agent.history) + 1)
            if gauge.used >= gauge.due and self._job is None:
                gauge.look_up(agent)
                if gauge.used >= gauge.due:
                    self._start(agent, "usage")
        return reply

    async def _before(self, agent: Agent, request: Request) -> Request:
        """Return the request with the summary that is there, after waiting for one if the context is full."""
        gauge = self._gauge
        gauge.look_up(agent)
        if (now := gauge.now(agent.history)) >= gauge.full:
            if self._job is None and now >= gauge.due:
                self._start(agent, "full")
            if self._job is not None:
                await self._job.wait()
        elif self._job is not None and not self._job.text:
            await asyncio.sleep(0)  # a model and tools that never suspend would keep the summary from being made
        self._bill(agent)
        return self._swap(agent, request)

    async def _relieve(self, agent: Agent, request: Request, error: ContextTooLong) -> Request:
        """Return a request that is shorter than the one that was refused. Raises the refusal where there is none."""
        gauge, refused = self._gauge, request
        gauge.look_up(agent)
        gauge.refused(gauge.now(agent.history))
        for _ in range(ATTEMPTS):
            if (job := self._job or self._start(agent, "refused")) is None:
                break
            await job.wait()
            request = self._swap(agent, request)
            if job.error or gauge.now(agent.history) < gauge.full:
                break
        self._bill(agent)
        if request is refused and self.config.clear_results:
            request = self._clear(agent, request)
        if request is refused:
            raise error
        return request

    # One compaction

    def _plan(self, agent: Agent, now: float, target: float) -> tuple[Plan | None, float]:
        """Return how to come from `now` to `target` tokens, the summary included, and the tokens of a character."""
        sizes = [size_of(message) for message in agent.history]
        fixed = fixed_size(agent.system, agent.tool_list)
        scale = min(max(now / max(sum(sizes) + fixed, 1), 0.01), 2.0)
        room = (target - self._allowed(target)) / scale - fixed
        current = None if agent.turn is None else agent.turn.message
        return make_plan(agent.history, sizes, room, current=current), scale

    def _allowed(self, target: float) -> float:
        """Return how many tokens a summary may have: never more than a third of what stays."""
        return min(self.config.summary_tokens, target / 3)

    def _start(self, agent: Agent, reason: str, focus: str = "") -> Job | None:
        """Begin a summary in the background; None where there is nothing to summarise, and an event says so."""
        gauge = self._gauge
        gauge.look_up(agent)
        now = gauge.now(agent.history)
        target = gauge.target(now if reason == "asked" else gauge.limit)
        plan, scale = self._plan(agent, now, target)
        if plan is None:
            gauge.failed(now)
            why = f"all of about {now:,.0f} tokens has to stay: it is one step, or pinned"
            agent.record(CompactionFailed(why))
            return None
        allowed = self._allowed(target)
        needed = scale * (plan.size + fixed_size(agent.system, agent.tool_list)) + allowed
        fits = needed <= gauge.limit * self.config.hard
        summariser = Summariser(agent, self.config, self._other, context=gauge.limit, fits=fits)
        compaction = Compaction(plan.prefix, prompt_of(allowed, focus), focus, reason)
        job = self._job = Job(plan, compaction, now, scale, summariser, perf_counter())
        agent.record(CompactionStarted(reason, round(now), len(plan.prefix)))
        job.task = agent.spawn(self._work(agent, job), name=f"compaction of {agent.name}")
        job.task.add_done_callback(
            lambda task: self._fail(agent, job, "it was cancelled") if task.cancelled() else None
        )
        return job

    async def _work(self, agent: Agent, job: Job) -> None:
        try:
            async with asyncio.timeout(self.config.timeout):
                await job.make(agent)
        except TimeoutError:
            self._fail(agent, job, f"it took longer than {self.config.timeout:g} seconds")
        except Exception as error:
            self._fail(agent, job, str(error) if isinstance(error, KTError) else f"{type(error).__name__}: {error}")
        else:
            if agent.turn is None and not job.error:
                self._apply(agent, job)
        finally:
            self._owe(job.usage)

    def _swap(self, agent: Agent, request: Request) -> Request:
        """Return the request with the summary in its place, if there is one that fits."""
        job, messages = self._job, request.messages
        if job is None or not job.text:
            return request
        live, fits = messages is agent.history, job.plan.fits(messages)
        if not self._apply(agent, job):
            return request
        if live:
            return replace(request, messages=agent.history)
        stay, head = len(job.plan.prefix), 1 + len(job.plan.kept)
        return replace(request, messages=[*agent.history[:head], *messages[stay:]]) if fits else request

    def _apply(self, agent: Agent, job: Job) -> bool:
        """Put a summary in its place; False where it fails."""
        gauge = self._gauge
        try:
            after = job.apply(agent)
        except KTError as error:
            self._fail(agent, job, str(error))
            return False
        self._job = None
        gauge.shrunk(after, len(agent.history))
        note = "" if after <= gauge.target(gauge.limit) else "what has to stay is longer than the target"
        took, count = job.seconds, len(job.plan.prefix)
        agent.record(
            CompactionEnded(
                round(job.before), round(after), count, took, job.usage, note=note, model=job.summariser.model
            )
        )
        return True

    def _clear(self, agent: Agent, request: Request) -> Request:
        """Return the request with its old tool results cleared; the same one where there are none."""
        gauge, began = self._gauge, perf_counter()
        now = gauge.now(agent.history)
        plan, scale = self._plan(agent, now, gauge.target(gauge.limit))
        if plan is None:
            return request
        shorter = clear_results(plan.prefix, self.config.result_chars)
        changed = [at for at, (old, new) in enumerate(zip(plan.prefix, shorter, strict=True)) if old is not new]
        if not changed:
            return request
        live, fits = request.messages is agent.history, plan.fits(request.messages)
        first, stop = changed[0], changed[-1] + 1
        agent.edit_history(first, stop, shorter[first:stop], by=self.name)
        after = now - scale * (plan.size - sizes_of(shorter))
        gauge.shrunk(after, len(agent.history))
        took = perf_counter() - began
        agent.record(CompactionEnded(round(now), round(after), len(changed), took, how="cleared"))
        if live:
            return replace(request, messages=agent.history)
        return replace(request, messages=[*shorter, *request.messages[len(shorter) :]]) if fits else request

    def _drop(self, agent: Agent, job: Job, why: str) -> None:
        """Give up a compaction that is on its way, or ready."""
        if job.task is not None:
            job.task.cancel()
        self._fail(agent, job, why)

    def _fail(self, agent: Agent, job: Job, why: str) -> None:
        """Note why a compaction came to nothing; the history stays as it is."""
        if job.error:
            return
        job.error = why
        if self._job is job:
            self._job = None
        self._gauge.failed(max(job.before, self._gauge.now(agent.history)))
        agent.record(CompactionFailed(why, job.usage, job.summariser.model))

    # Its cost

    def _owe(self, usage: Usage) -> None:
        if usage.total or usage.cost:
            self._unbilled = self._unbilled or Usage()
            self._unbilled.add(usage)

    def _bill(self, agent: Agent) -> None:
        """Add what summaries used to the running turn; between two calls, for `prices` reckons within one."""
        if self._unbilled is not None and agent.turn is not None:
            agent.turn.usage.add(self._unbilled)
            self._unbilled = None


def _other_model(agent: Agent, settings: Settings) -> Model | None:
    """Return the model that the settings name. Raises ConfigError where there is none."""
    if settings.model is None:
        return None
    registry = agent.host.registry
    if (loader := registry.find("loader", "model")) is None:
        raise MissingPlugin("the setting model of compaction needs kt-config", hint="pip install kt-config")
    provider, name, given = loader.load()(agent.host, settings.model)
    return Model(provider, name, given, agent.host)
