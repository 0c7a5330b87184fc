"""Start calls that only read while the reply still streams, and hand their results over when they are asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace

from kt import Agent, Message, Request, ToolCall, ToolResult, Turn, TurnResult, hookimpl


@dataclass(eq=False)
class Started:
    """A call that runs before the reply that asks for it is complete."""

    call: ToolCall
    task: "asyncio.Task[ToolResult] | None" = None

    async def run(self, agent: Agent) -> ToolResult:
        INSIDE.set(self)
        return await agent.call_tool(self.call)

    async def drop(self) -> None:
        """Cancel the call and wait for its end."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])


INSIDE: ContextVar[Started] = ContextVar("INSIDE")
"""The early call whose own run this is: it passes the hook, everybody else takes its result."""


class Early:
    """Run a call of a tool with effect "read" as soon as the model has written it, if nothing before it acts."""

    tier = "outer"

    def __init__(self) -> None:
        self.started: dict[str, Started] = {}

    @hookimpl
    async def kt_around_turn(self, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]) -> TurnResult:
        try:
            return await next(turn)
        finally:
            await self.drop(self.started)

    @hookimpl
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        acts = False

        def emit(delta: object) -> None:
            nonlocal acts
            request.emit(delta)  # type: ignore[arg-type]
            if isinstance(delta, ToolCall):
                tool = agent.tools.get(delta.name)
                acts = acts or tool is None or tool.effect != "read" or not tool.parallel
                if not acts:
                    self.start(agent, delta)

        reply = await next(replace(request, emit=emit))
        kept = [(c.id, c.name, c.args_text) for c in reply.tool_calls]
        await self.drop(id for id, s in self.started.items() if (s.call.id, s.call.name, s.call.args_text) not in kept)
        return reply

    def start(self, agent: Agent, call: ToolCall) -> None:
        """Start a call, unless its id is missing or in use."""
        if not call.id or call.id in self.started or (agent.turn is not None and call.id in agent.turn.calls):
            return
        started = self.started[call.id] = Started(replace(call))
        # What it raises is told where its result is taken; nobody misses that of a call that was dropped.
        work = started.run(agent)
        started.task = agent.host.spawn(work, name=f"early {call.name}", failed=lambda error: None)

    async def drop(self, ids: Iterable[str]) -> None:
        """Cancel calls that nobody wants, and wait for their end."""
        dropped = [self.started.pop(id) for id in list(ids)]
        await asyncio.gather(*[started.drop() for started in dropped])

    @hookimpl(tryfirst=True)
    async def kt_around_tool_call(
        self, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        started = self.started.get(call.id)
        if started is None or started is INSIDE.get(None):
            return await next(call)
        del self.started[call.id]
        assert started.task is not None
        try:
            return await started.task
        except asyncio.CancelledError:
            await started.drop()
            raise
