"""Stop a model that makes the same calls again and again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kt import Agent, Text, ToolCall, ToolResult, hookimpl
from kt.errors import LimitReached


@dataclass(slots=True)
class RepeatConfig:
    """`allowed` equal calls run while nothing changes; after `give_up` more in one turn it ends with status limit."""

    allowed: int = 1
    give_up: int = 3


class RepeatGuard:
    """Refuse a call that was made before in the turn, and tell the model that it has the result already.

    A new call that may change something makes reading again worth it: what was read before it may be read again.
    """

    Config = RepeatConfig

    def __init__(self, config: RepeatConfig | None = None) -> None:
        self.config = config or RepeatConfig()
        self._turn, self._refused = 0, 0
        self._reads: dict[str, int] = {}
        self._acts: dict[str, int] = {}

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        turn = agent.turn.id if agent.turn is not None else self._turn
        if turn != self._turn:
            self._turn, self._refused, self._reads, self._acts = turn, 0, {}, {}
        tool = agent.tools.get(call.name)
        reading = tool is not None and tool.effect == "read"
        made = self._reads if reading else self._acts
        key = f"{call.name} {call.args_text}"
        made[key] = made.get(key, 0) + 1
        if made[key] <= self.config.allowed:
            if not reading:
                self._reads = {}
            return await next(call)
        self._refused += 1
        if self._refused > self.config.give_up:
            raise LimitReached(f"the model repeated its calls {self._refused} times", hint="use a larger model")
        text = "You made this very call before and have its result above. Answer now, or do something else."
        return ToolResult(call.id, [Text(text)], is_error=True, name=call.name)
