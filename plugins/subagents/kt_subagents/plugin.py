"""The plugin `subagents`: runs the sub-agents of one agent as background jobs and keeps them to go on with."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

from kt import Agent, Message, Part, Status, Text, ToolCall, ToolResult, TurnResult, Usage, hookimpl
from kt.errors import ConfigError, NotFound, PluginError, UnknownName, UsageError, nearest

from .child import Allowance, build_child
from .events import SubagentEnded, SubagentStarted
from .hooks import SubagentTask
from .link import Link, link_of
from .settings import Settings
from .spec import SubagentSpec
from .tool import BACKGROUND, Roster, TaskTool
from .usage import minus, plus

MAX_ENDED = 50
"""Pieces of work of which it is known how they ended."""


@dataclass(slots=True, eq=False)
class Subagent:
    """One sub-agent and its conversation; `agent` is None before it starts, `call` is the call it works for."""

    id: str
    name: str
    agent: Agent | None = None
    call: ToolCall | None = None
    result: TurnResult | None = None

    @property
    def state(self) -> str:
        """Return "queued", "running", or the status that its last work ended with."""
        if self.call is not None:
            return "queued" if self.agent is None or self.agent.turn is None else "running"
        return "queued" if self.result is None else str(self.result.status)


class Subagents:
    """Run sub-agents for the tool `task`.

    `agent.plugin("subagents")` has `all` by id, `find(id)`, `await stop(id)`, `ended`: how the last pieces of work did,
    and `used`: what all of them spent.
    """

    Config = Settings
    name = "subagents"

    def __init__(self, config: Settings | None = None) -> None:
        self.config = config or Settings()
        self.all: dict[str, Subagent] = {}
        self.ended: deque[SubagentEnded] = deque(maxlen=MAX_ENDED)
        self.used = Usage()
        self._agent: Agent | None = None
        self._roster: Roster | None = None
        self._depth = self._count = 0
        self._allowance = Allowance()
        self._free = asyncio.Semaphore(self.config.max_running)

    @property
    def specs(self) -> dict[str, SubagentSpec]:
        """Return what the agent can hand work to, by name."""
        return {} if self._roster is None else self._roster.specs

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        self._agent, link = agent, link_of(agent)
        self._roster = next((tool.roster for tool in agent.tool_list if isinstance(tool, TaskTool)), None)
        self._depth = 0 if link is None else link.depth
        try:
            yield
        finally:
            for sub in list(self.all.values()):
                if sub.call is not None:
                    await self.stop(sub.id)
                await self._close(sub)

    @hookimpl
    def kt_save(self) -> Any:
        """Return the number of the last sub-agent, so that an id means one sub-agent in the whole session."""
        return self._count or None

    @hookimpl
    def kt_load(self, state: Any) -> None:
        self._count = int(state or 0)

    @hookimpl(tryfirst=True)
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        # Further out than jobs, which goes by the mark: calls of `task` are in the background unless somebody waits.
        if isinstance(agent.tools.get(call.name), TaskTool):
            given = call.arguments or {}
            call = replace(call, arguments={**given, BACKGROUND: not self._waits(given)})
        return await next(call)

    def _waits(self, given: dict[str, Any]) -> bool:
        """Tell whether the caller waits; what can't start is told at once."""
        spec, id = self.specs.get(str(given.get("agent"))), given.get("id")
        earlier = self.all.get(str(id))
        if spec is None or (id and (earlier is None or earlier.name != spec.name or earlier.call is not None)):
            return True
        return spec.wait if given.get("wait") is None else given["wait"] in (True, "true")

    def find(self, id: str) -> Subagent:
        """Return a sub-agent by its id. Raises NotFound with the nearest ids."""
        if id not in self.all:
            hint = nearest(id, self.all) or "leave id out to start a new one"
            raise NotFound(f"no sub-agent {id!r} is kept", hint=hint)
        return self.all[id]

    async def stop(self, id: str) -> Subagent:
        """Cancel the work of a sub-agent and wait until it has ended. Raises NotFound."""
        sub = self.find(id)
        if sub.call is not None and self._agent is not None:
            jobs = self._agent.plugin("jobs")
            jobs.promote(sub.call.id)  # its caller goes on, and is told like that of any job
            await jobs.stop(sub.call.id)
        return sub

    async def run(self, call: ToolCall, name: str, prompt: str, id: str = "") -> ToolResult:
        """Return the answer of a sub-agent to a prompt; with `id` it goes on with its earlier conversation.

        Raises KTError for what can't start: an unknown name or id, one that is at work, nested too deep.
        """
        agent, sub = self._agent, self._chosen(name, id)
        assert agent is not None
        sub.call, sub.result = call, None
        try:
            async with self._free:
                attempt = partial(self._attempt, sub, goes_on=bool(id))
                task = SubagentTask(sub.id, name, prompt, self.specs[name])
                result = await agent.hooks.chain("kt_around_subagent", agent, attempt)(task)
            if not isinstance(result, TurnResult):
                raise PluginError(f"kt_around_subagent returned {type(result).__name__}, not TurnResult")
            sub.result = result
            return _told(call, sub, result)
        finally:
            sub.call = None
            await self._tidy(sub)

    def _chosen(self, name: str, id: str) -> Subagent:
        """Return a new sub-agent, or the idle one of an id."""
        if name not in self.specs:
            raise UnknownName(f"no sub-agent {name!r}", hint=nearest(name, self.specs))
        if self._depth >= self.config.depth:
            raise ConfigError(f"sub-agents are nested at most {self.config.depth} deep", hint="do the work yourself")
        if not id:
            self._count += 1
            sub = Subagent(f"s{self._count}", name)
        else:
            sub = self.find(id)
            if sub.name != name:
                raise UsageError(f"{id} is {sub.name}, not {name}", hint=f"say agent: {sub.name}")
            if sub.call is not None:
                raise UsageError(f"{id} is still at work", hint="wait for its answer, or leave id out")
        self.all.pop(sub.id, None)
        self.all[sub.id] = sub  # the last that was used is the last to be closed
        return sub

    async def _attempt(self, sub: Subagent, task: SubagentTask, *, goes_on: bool) -> TurnResult:
        """Let a sub-agent work, told by events from its start to its end."""
        parent, roster = self._agent, self._roster
        assert parent is not None
        assert roster is not None
        turn, spec = parent.turn, task.spec
        limits = self._allowance.limits(turn, spec.creature.limits, spec.share)
        if sub.agent is None or not goes_on:
            await self._close(sub)
            link = Link(parent, roster.plan, sub.id, sub.name, depth=self._depth + 1)
            child = await build_child(link, spec, self.config)
            await child.start()
            sub.agent = child
        child, link = sub.agent, sub.agent.plugin(Link.name)
        content = Message("user", [Text(task.prompt, origin=_origin(parent))])
        link.ended, before, began = None, _used_below(child), perf_counter()
        parent.record(SubagentStarted(sub.id, sub.name, task.prompt, child.model, _call_id(sub), self._depth + 1))
        off = link.tell(child)
        try:
            return await child.run(content, timeout=spec.timeout, limits=limits)
        finally:
            off()
            # One that is cancelled has no result to return; its turn has ended all the same.
            sub.result = result = link.ended or TurnResult(Status.cancelled)
            used = plus(result.usage, minus(_used_below(child), before))
            self.used = plus(self.used, used)
            self._allowance.charge(turn, used.total)
            error = "" if result.error is None else str(result.error)
            seconds = perf_counter() - began
            self.ended.append(SubagentEnded(sub.id, sub.name, str(result.status), result.text, error, used, seconds))
            parent.record(self.ended[-1])

    async def _tidy(self, sub: Subagent) -> None:
        """Close what can't be gone on with: what never started or has jobs that run on, and the oldest idle ones."""
        if sub.agent is None or _has_jobs(sub.agent):
            await self._close(sub)
        idle = [each for each in self.all.values() if each.call is None]
        for each in idle[: max(0, len(idle) - self.config.keep)]:
            await self._close(each)

    async def _close(self, sub: Subagent) -> None:
        agent, sub.agent = sub.agent, None
        if sub.call is None:
            self.all.pop(sub.id, None)
        if agent is not None:
            await agent.stop()


def _call_id(sub: Subagent) -> str:
    return "" if sub.call is None else sub.call.id


def _origin(agent: Agent) -> str:
    return " ".join(sorted(agent.taint))


def _has_jobs(agent: Agent) -> bool:
    return any(a.plugin.running for a in agent.active if a.name == "jobs")  # type: ignore[attr-defined]


def _used_below(agent: Agent) -> Usage:
    """Return what the sub-agents of an agent have used."""
    return next((a.plugin.used for a in agent.active if isinstance(a.plugin, Subagents)), Usage())


def _told(call: ToolCall, sub: Subagent, result: TurnResult) -> ToolResult:
    """Return what the parent's model reads, with the origins of all that the sub-agent has read."""
    head, text = f"{sub.name} {sub.id}", result.text
    if not result.ok:
        head += f" ended with status {result.status}, not done"
        head += f": {result.error}" if result.error is not None else ""
        text = f"What it had said: {text}" if text else ""
    origin = "" if sub.agent is None else _origin(sub.agent)
    parts: list[Part] = [Text(f"[{head}]\n{text}".strip(), origin=origin)]
    return ToolResult(call.id, parts, is_error=not result.ok, name=call.name)
