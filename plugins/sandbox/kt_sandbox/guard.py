"""The guard of the default profile that belongs to the walls: it holds their settings and refuses to do without."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from kt import Agent, ToolCall, ToolResult, Vetoed, hookimpl
from kt.errors import ConfigError
from kt.events import AgentStarted

from .errors import SandboxUnavailable
from .events import SandboxReady
from .hosts import HostList
from .protected import check_folder
from .settings import LEVELS, Settings
from .walls import Walls


class SandboxGuard:
    """Hold the sandbox' settings; end the turn at a call that executes where the walls are weaker than required."""

    Config = Settings

    def __init__(self, config: Settings | None = None) -> None:
        self.settings = config or Settings()
        if self.settings.require not in LEVELS:
            raise ConfigError(f"sandbox.require {self.settings.require!r} is none of {', '.join(LEVELS)}")
        HostList(self.settings.net)

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        walls = agent.sandbox
        acts = any(tool.needs.exec or tool.needs.writes for tool in agent.tool_list)
        if not isinstance(walls, Walls) or not acts:
            yield
            return
        check_folder(walls.root, walls.hidden)

        def tell(event: AgentStarted) -> None:
            agent.record(SandboxReady(walls.level, walls.backend.name, self.settings.require, walls.gaps))

        off = agent.bus.on(AgentStarted, tell)
        yield
        off()

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        tool, walls = agent.tools.get(call.name), agent.sandbox
        if tool is None or not tool.needs.exec or not isinstance(walls, Walls):
            return await next(call)
        if tool.effect != "read" and not walls.enough and not walls.unwalled(call):
            error = SandboxUnavailable.of(self.settings.require)
            if agent.turn is not None:
                # Nothing the model could do mends this: the turn ends, and says to the user what does.
                agent.turn.cancel(error)
            raise Vetoed(error.what)
        result = await next(call)
        return replace(result, x={**(result.x or {}), "sandbox": walls.level})
