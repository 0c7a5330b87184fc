"""Stop a model that makes the same call again and again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kt import Agent, Text, ToolCall, ToolResult, hookimpl
from kt.errors import LimitReached


@dataclass(slots=True)
class RepeatConfig:
    """`allowed` equal calls in a row run; after `give_up` more in one turn the turn ends with status limit."""

    allowed: int = 1
    give_up: int = 3


class RepeatGuard:
    """Refuse a call that equals the one right before it, and tell the model that it has the result already."""

    Config = RepeatConfig

    def __init__(self, config: RepeatConfig | None = None) -> None:
        self.config = config or RepeatConfig()
        self._turn, self._last, self._count, self._refused = 0, "", 0, 0

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        turn = agent.turn.id if agent.turn is not None else self._turn
        if turn != self._turn:
            self._turn, self._last, self._count, self._refused = turn, "", 0, 0
        key = f"{call.name} {call.args_text}"
        self._count = self._count + 1 if key == self._last else 1
        self._last = key
        if self._count <= self.config.allowed:
            return await next(call)
        self._refused += 1
        if self._refused > self.config.give_up:
            raise LimitReached(f"the model repeated {call.name!r} {self._refused} times", hint="use a larger model")
        text = "You made this very call just now and have its result above. Answer, or do something else."
        return ToolResult(call.id, [Text(text)], is_error=True, name=call.name)
