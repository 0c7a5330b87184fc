"""Agents as nodes: one that keeps its conversation, and a fresh one for each call."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeAlias

from kt import Agent, Creature, Host, Message, TurnResult
from kt.errors import TurnError, UsageError
from kt.events import LLMRestarted, LLMStarted, TextDelta, TurnEnded

from .answers import Answer, message_of
from .events import StepSaid
from .loops import PerLoop
from .node import Owner, Stage
from .run import Run

Config: TypeAlias = str | Path | Mapping[str, Any] | Creature
"""A reference, a path, a dict or a Creature, as for `Agent.build`."""


async def ask(agent: Agent, value: object, run: Run, stage: Stage, call: int) -> Answer[Any]:
    """Run one turn of an agent. Raises the error of one that is not ok, with the TurnResult as its `result`."""
    message = message_of(value, run.origins)
    result = await (_heard(agent, message, run, stage, call) if run.heard else agent.run(message))
    if not result.ok:
        error = result.error or TurnError(f"the turn ended {result.status}", where=stage.name)
        error.result = result  # type: ignore[attr-defined]
        raise error
    run.origins |= agent.taint
    return Answer(result.text, result, agent.taint)


async def _heard(agent: Agent, message: Message, run: Run, stage: Stage, call: int) -> TurnResult:
    """Run a turn that is told of. What a reply said is void when it starts over, or when another one follows it."""
    result: TurnResult | None = None
    async with aclosing(agent.run_stream(message)) as events:
        async for event in events:
            run.tell(StepSaid, stage.name, call, event)
            if isinstance(event, TextDelta):
                run.say(stage.name, event.text)
            elif isinstance(event, LLMStarted | LLMRestarted):
                run.restart(stage.name)
            elif isinstance(event, TurnEnded):
                result = event.result
    if result is None:
        raise TurnError("the turn was given up with its host", where=stage.name)
    return result


class Conversing(Owner):
    """Ask one agent, call after call; it is built and started with the first call, and stopped by `close`."""

    __slots__ = ("_agent", "_closed", "_lock", "_options", "_ours", "_source", "name")

    def __init__(self, source: Config | Agent, options: Mapping[str, Any]) -> None:
        self.name, self._source, self._options = creature_name(source), source, options
        self._agent: Agent | None = None
        self._ours = self._closed = False
        self._lock = PerLoop(asyncio.Lock)

    @property
    def speaks(self) -> bool:
        return True

    async def work(self, value: Any, run: Run, call: int) -> Any:
        return await ask(await self._started(), value, run, self, call)

    async def _started(self) -> Agent:
        """Return the agent. One that ran before is not ours to stop."""
        async with self._lock.get():
            if self._closed:
                raise _closed(self.name)
            if self._agent is None:
                source = self._source
                agent = source if isinstance(source, Agent) else await Agent.build(source, **self._options)
                self._ours = not agent.started
                await agent.start()
                self._agent = agent
            return self._agent

    async def open(self) -> None:
        self._closed = False
        await self._started()

    async def close(self) -> None:
        """Stop the agent if it is ours; a turn that runs ends cancelled."""
        self._closed = True
        async with self._lock.get():
            agent, self._agent = self._agent, None
            if agent is not None and self._ours:
                await agent.stop()

    def __repr__(self) -> str:
        return f"agent({self.name!r})"


class Fresh(Owner):
    """Build an agent for each call and stop it after; the host they share is opened with the first."""

    __slots__ = ("_closed", "_config", "_given", "_host", "_lock", "_options", "_running", "name")

    def __init__(self, config: Config, host: Host | None, options: Mapping[str, Any]) -> None:
        self.name, self._config, self._options = creature_name(config), config, options
        self._given, self._host = host, host
        self._closed = False
        self._lock = PerLoop(asyncio.Lock)
        self._running: dict[asyncio.Future[None], Agent] = {}

    @property
    def speaks(self) -> bool:
        return True

    async def work(self, value: Any, run: Run, call: int) -> Any:
        host = await self._opened()
        agent = await Agent.build(self._config, host=host, **self._options)
        ended = asyncio.get_running_loop().create_future()
        self._running[ended] = agent
        try:
            async with agent:
                if self._closed:
                    raise _closed(self.name)
                return await ask(agent, value, run, self, call)
        finally:
            del self._running[ended]
            ended.set_result(None)

    async def _opened(self) -> Host:
        async with self._lock.get():
            if self._closed:
                raise _closed(self.name)
            if self._host is None:
                host = Host()
                _ = host.plugins  # loaded now, so that start() enters their lifespans before the first agent
                await host.start()
                self._host = host
            return self._host

    async def open(self) -> None:
        self._closed = False
        await self._opened()

    async def close(self) -> None:
        """End the calls that run, cancelled, and close the host if it is ours."""
        self._closed = True
        async with self._lock.get():
            for agent in self._running.values():
                agent.interrupt()
            if self._running:
                await asyncio.wait(set(self._running))
            host, self._host = self._host, self._given
            if host is not None and self._given is None:
                await host.close()

    def __repr__(self) -> str:
        return f"factory({self.name!r})"


def _closed(name: str) -> UsageError:
    return UsageError("the step is closed", where=name, hint="enter it again with `async with`")


def creature_name(source: Config | Agent) -> str:
    """Return the name of an agent or creature; of a reference or path the last part, without its suffix."""
    if isinstance(source, str | Path):
        return Path(source).stem
    return str(source.get("name", "creature")) if isinstance(source, Mapping) else source.name
