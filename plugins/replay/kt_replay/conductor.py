"""The plugin of a replay: it brings in what came from outside, where it came, and follows what the agent does."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from kt import Agent, Message, Request, ToolCall, ToolResult, Turn, TurnResult, Vetoed, hookimpl
from kt_sessions.messages import message_of, result_of

from .texts import message_texts

if TYPE_CHECKING:
    from .record import Before
    from .stage import Stage


class Conductor:
    """Stand outermost around turns and model calls."""

    name = "replay"
    tier = "outer"

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self.live: frozenset[str] = frozenset()

    @hookimpl(tryfirst=True)
    async def kt_around_turn(
        self, agent: Agent, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]
    ) -> TurnResult:
        recorded = self._stage.turn
        assert recorded is not None
        # What a job brings comes as it was recorded, so nobody waits for its end.
        turn.waits, turn.source = False, recorded.source
        for why, by in recorded.refused:
            if by.partition(" (")[0] in self._stage.absent:
                raise Vetoed(why)
        self._bring(agent)
        return await next(turn)

    @hookimpl(tryfirst=True)
    async def kt_around_llm_call(
        self, agent: Agent, request: Request, next: Callable[[Request], Awaitable[Message]]
    ) -> Message:
        step = self._stage.next_step()
        if step is None:
            await self._stage.beyond()
        self.change(agent, step.before)
        reply = await next(request)
        self._bring(agent)
        # The record has the reply as it was after every hook.
        again = step.reply is not None and self._stage.findings.reply(reply, message_of(step.reply))
        return message_of(step.reply) if again and step.reply is not None else reply

    @hookimpl(tryfirst=True)
    async def kt_around_tool_call(
        self, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        stage = self._stage
        recorded = stage.calls.known.get(call.id)
        if recorded is None:
            return await next(call)
        if why := stage.calls.refused_elsewhere(recorded):
            raise Vetoed(why)
        if (result := stage.calls.answered_elsewhere(recorded)) is not None:
            return result
        result = await next(call)
        if call.name not in self.live or recorded.result is None:
            return result
        known = result_of(recorded.result)
        before, now = (message_texts(None, Message("tool", [r]))[1] for r in (known, result))
        stage.findings.compare(f"result of {call.id}", before, now)
        return known

    def _bring(self, agent: Agent) -> None:
        """Give what joined the turn before its next model call, unless a plugin has given it already."""
        for data, source in self._stage.next_inputs:
            message = message_of(data)
            there = agent.inbox.items if agent.has_input else ()
            if not any(p.source == source and p.message.text == message.text for p in there):
                self._stage.given.add(agent.send(message, steer=True, source=source).id)

    def change(self, agent: Agent, before: "Before") -> None:
        """Change the conversation and the state as something outside the agent's own doing did."""
        active = {plugin.name for plugin in agent.active}
        self._stage.keep(before.state)
        for change in before.changes:
            if change.by is not None and change.by not in active:
                messages = [message_of(data) for data in change.messages]
                agent.edit_history(change.start, change.stop, messages, by=change.by)
        for data in before.extras:
            message = message_of(data)
            if not any(m.role == message.role and m.text == message.text for m in agent.history[-3:]):
                agent.add(message)
