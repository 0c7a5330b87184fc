"""A guard over files."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fnmatch import fnmatch

from kt import Agent, ToolCall, ToolResult, Vetoed, hookimpl


@dataclass(slots=True)
class ProtectConfig:
    """`files`: patterns of paths that no tool may write."""

    files: tuple[str, ...] = ("*.lock", ".git/*")


class Protect:
    """Refuse calls of writing tools whose `path` matches a pattern; list it under `guards` to make it a guard."""

    Config = ProtectConfig

    def __init__(self, config: ProtectConfig) -> None:
        self.config = config

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        path = (call.arguments or {}).get("path")
        if agent.tools[call.name].needs.writes and isinstance(path, str):
            path = agent.sandbox.files.relative(path)  # "a/../b.lock" is b.lock
            for pattern in self.config.files:
                if fnmatch(path, pattern):
                    raise Vetoed(f"{path} is protected ({pattern})")
        return await next(call)
