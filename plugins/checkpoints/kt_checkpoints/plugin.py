"""The plugin `checkpoints`: before a call may change files, the session keeps what they are."""

from collections.abc import Awaitable, Callable
from typing import Any

from kt import Agent, ToolCall, ToolResult, hookimpl

from .files import UNKNOWN
from .keeper import Keeper
from .settings import Settings
from .targets import targets

MAX_SAVED = 500
"""Files that a session which is resumed still follows."""


class Checkpoints:
    """Keep with an agent's session what files were before its tools changed them; `restore` brings them back.

    Does nothing for tools that declare no `writes`, and where the log does not last.
    """

    Config = Settings
    name = "checkpoints"

    def __init__(self, config: Settings | None = None) -> None:
        self.config = config or Settings()
        self._keeper: Keeper | None = None
        self._saved: dict[str, str] = {}

    @hookimpl
    def kt_save(self) -> Any:
        """Return the states of the files that the session follows; with keep "workspace" all are looked at anew."""
        if self.config.keep == "workspace" or self._keeper is None:
            return self._saved or None
        known = [(path, state) for path, state in self._keeper.left.items() if state != UNKNOWN]
        return dict(known[-MAX_SAVED:])

    @hookimpl
    def kt_load(self, state: Any) -> None:
        self._saved = dict(state or {})

    @hookimpl(trylast=True)
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        tool = agent.tools.get(call.name)
        if tool is None or not tool.needs.writes or not agent.log.lasting:
            return await next(call)
        keeper = self._keeper
        if keeper is None or keeper.agent is not agent:
            keeper = self._keeper = Keeper(agent, self.config, self._saved)
        before = await keeper.before(call, targets(agent.host.registry, tool, call, keeper.root))
        try:
            return await next(call)
        finally:
            await keeper.after(call, before)
