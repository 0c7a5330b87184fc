"""Tools that answer with what was recorded: plugins act around them as around the real ones."""

import copy
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from kt import Agent, Context, Tool, ToolResult

from .texts import recorded_arguments

if TYPE_CHECKING:
    from .stage import Stage

INVALID = "invalid arguments: "


def put_stand_ins(agent: Agent, stage: "Stage", jobs: Collection[str], live: Collection[str]) -> frozenset[str]:
    """Replace an agent's tools, in the recorded order; return the names of those that are left to run for real.

    Those are the tools whose effect is in `live`, unless they reach the network or can run in the background.
    """
    real = frozenset(
        name for name, t in agent.tools.items() if t.effect in live and not t.needs.net and not t.background
    )
    names = [*stage.process.tools, *(name for name in agent.tools if name not in stage.process.tools)]
    for name in names:
        if name in agent.tools and name not in real:
            agent.tools[name] = _like(agent.tools[name], stage)
        elif name not in agent.tools:
            agent.tools[name] = Unknown(stage, name, background=name in jobs)
    agent.tool_list = tuple(agent.tools[name] for name in names if name in agent.tools)
    return real


def _like(tool: Tool, stage: "Stage") -> Tool:
    """Return a tool of the same name, schema, effect and needs, whose function plays what was recorded."""
    _ = tool.parameters  # the schema is of the real function
    other = copy.copy(tool)
    other.function, other.takes_context, other.is_async, other.blocking = _player(stage), True, True, False
    return other


def _player(stage: "Stage") -> Any:
    async def play(context: Context[Any], /, **arguments: Any) -> ToolResult:
        return await stage.calls.play(context.call)

    return play


class Unknown(Tool):
    """A recorded tool that is not here: it takes any arguments but those that were refused as invalid."""

    def __init__(self, stage: "Stage", name: str, *, background: bool) -> None:
        super().__init__(
            _player(stage), name=name, description="", schema={"type": "object"}, background=background, effect="once"
        )
        self.takes_context = True
        self._stage = stage

    def bind(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if (why := self._invalid(arguments)) is not None:
            raise ValueError(why)
        return super().bind(arguments)

    def _invalid(self, arguments: dict[str, Any]) -> str | None:
        """Return why arguments were refused before any plugin saw the call."""
        for call, text in self._stage.calls.invalid(self.name):
            if text.startswith(INVALID) and recorded_arguments(call) == arguments:
                return text.removeprefix(INVALID)
        return None
