"""The plugin `triggers`: an agent sets triggers of its own, which live in its session."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from kt import Agent, hookimpl
from kt.errors import DataError, KTError, NotFound, nearest
from kt.events import Advice

from .board import Board
from .bounds import Bounds
from .kinds import Kind, Settings
from .records import record
from .trigger import Trigger

OWN = "triggers"


class Triggers:
    """Keep the triggers that an agent set itself in `agent.state["triggers"]`, and let them work while it runs.

    `unfit` maps those that can't work, since the settings or the machine are others than before, to the reason.
    """

    Config = Bounds
    name = "triggers"

    def __init__(self, config: Bounds) -> None:
        self.config = config
        self.unfit: dict[str, str] = {}
        self._scopes: dict[str, AsyncExitStack] = {}
        self._agent: Agent | None = None
        self._changing = asyncio.Lock()

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        self._agent = agent
        try:
            for id, kept in self._kept.items():
                await self._take_up(agent, id, kept)
            yield
        finally:
            for id in list(self._scopes):
                await self._close(id)

    async def set(self, kind: str, id: str, settings: Mapping[str, Any]) -> Trigger:
        """Set a trigger, in the place of one with this id, and let it work. Raises DataError for what it may not."""
        agent = self._running
        if not id:
            raise DataError("id: a trigger needs a name of its own")
        if any(trigger.id == id and not trigger.own for trigger in Board.of(agent.host).running(agent)):
            raise DataError(f"id: {id!r} is a trigger of the user's", hint="choose another id")
        if id not in self._kept and len(self._kept) >= self.config.max:
            raise DataError(f"there are {self.config.max} triggers already", hint="delete one that is not needed")
        found, checked = self.config.check(kind, {**settings, "id": id}, agent.host.clock.time())
        origin = " ".join(sorted(agent.taint))
        async with self._changing:
            await self._forget(agent, id)
            trigger = await self._begin(agent, found, checked, origin, at_once=True)
            self._keep(agent, {**self._kept, id: {"kind": kind, "settings": dict(settings), "origin": origin}})
        return trigger

    async def delete(self, id: str) -> None:
        """Delete a trigger that the agent set. Raises NotFound with the nearest ids."""
        if id not in self._kept:
            raise NotFound(f"you set no trigger {id!r}", hint=nearest(id, self._kept))
        async with self._changing:
            await self._forget(self._running, id)

    @property
    def _running(self) -> Agent:
        assert self._agent is not None
        return self._agent

    @property
    def _kept(self) -> Mapping[str, Any]:
        kept = self._running.state.get(OWN)
        return kept if isinstance(kept, dict) else {}

    def _keep(self, agent: Agent, kept: Mapping[str, Any]) -> None:
        agent.state[OWN] = dict(kept)

    async def _take_up(self, agent: Agent, id: str, kept: Any) -> None:
        """Let a trigger of an earlier process work; what can't is said, and kept."""
        try:
            match kept:
                case {"kind": str() as kind, "settings": dict() as settings, "origin": str() as origin}:
                    found, checked = self.config.check(kind, {**settings, "id": id})
                    await self._begin(agent, found, checked, origin)
                case _:
                    raise DataError("its settings can't be read")
        except KTError as error:
            self.unfit[id] = str(error)
            agent.bus.publish(Advice(f"the agent's trigger {id!r} does not work: {error}"))

    async def _begin(
        self, agent: Agent, kind: Kind[Any], settings: Settings, origin: str, *, at_once: bool = False
    ) -> Trigger:
        id, scope = settings.id, AsyncExitStack()
        trigger = Trigger(agent, kind.name, id, settings.prompt, own=True, origin=origin)
        trigger.finished = partial(self._finished, agent, id, scope)
        await scope.enter_async_context(kind.running(trigger, settings, at_once=at_once))
        self._scopes[id] = scope
        return trigger

    def _finished(self, agent: Agent, id: str, scope: AsyncExitStack) -> None:
        agent.spawn(self._end(agent, id, scope), name=f"{agent.name} end of trigger {id}")

    async def _end(self, agent: Agent, id: str, scope: AsyncExitStack) -> None:
        """Forget a trigger that came to its end, unless another one has its id now."""
        async with self._changing:
            if self._scopes.get(id) is scope:
                await self._forget(agent, id)

    async def _forget(self, agent: Agent, id: str) -> None:
        """End a trigger, and keep nothing of it."""
        await self._close(id)
        self.unfit.pop(id, None)
        if id in self._kept:
            self._keep(agent, {other: kept for other, kept in self._kept.items() if other != id})
        record(agent, f"own:{id}", None)

    async def _close(self, id: str) -> None:
        if (scope := self._scopes.pop(id, None)) is not None:
            await scope.aclose()
