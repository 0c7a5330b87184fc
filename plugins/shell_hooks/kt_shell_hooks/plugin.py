"""The plugin `shell_hooks`: hands what happens to an agent to hook programs, and does what they want."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from kt import Agent, Message, Text, ToolCall, ToolResult, Turn, TurnResult, Vetoed, hookimpl
from kt.errors import ConfigError

from .calls import ToolHooks
from .files import Found, find
from .programs import Programs
from .questions import QuestionHooks
from .settings import Settings, parse

MAX_BLOCKS = 8
"""How often in a turn the programs at Stop may send the agent on."""
SOURCE = "shell_hooks"


class ShellHooks:
    """Run the user's hook programs, and those of a project that the user trusts, in the protocol of Claude Code.

    In a sub-agent SubagentStart and SubagentStop take the places of UserPromptSubmit and Stop; it has no session.
    """

    Config = Settings

    def __init__(self, config: Settings | None = None) -> None:
        self.config = config or Settings()
        self._own = parse(self.config.hooks, self.config.timeout)
        if self._own.left_out:
            raise ConfigError(self._own.left_out[0], where="plugin shell_hooks, hooks", hint="see docs/shell_hooks.md")
        self._programs: Programs | None = None
        self._tools: ToolHooks | None = None
        self._context = ""

    @property
    def programs(self) -> Programs:
        assert self._programs is not None, "the agent has not started"
        return self._programs

    @hookimpl
    @asynccontextmanager
    async def kt_lifespan(self, agent: Agent) -> AsyncIterator[None]:
        sub = _sub_agent(agent)
        found = Found(agent.pwd)
        if self.config.files:
            found = await asyncio.to_thread(find, agent.pwd, agent.host.registry, self.config.timeout)
        found.hooks[:0] = self._own.hooks
        if sub is not None:
            found.remarks.clear()  # its parent has told them
        programs = self._programs = Programs(agent, found)
        self._tools = ToolHooks(agent, programs)
        if sub is None:
            source = "resume" if agent.history else "startup"
            fields = {"source": source, "model": agent.model}
            self._context = (await programs.run("SessionStart", fields, subjects=(source,))).context
        off = QuestionHooks(agent, programs).listen()
        try:
            yield
        finally:
            off()
            if sub is None:
                await programs.run("SessionEnd", {"reason": "other"}, subjects=("other",))

    @hookimpl
    def kt_prompt(self) -> str | None:
        return self._context or None

    # Innermost but for the guards: what goes on after a block is the loop, not what other plugins do once a turn.
    @hookimpl(trylast=True)
    async def kt_around_turn(
        self, agent: Agent, turn: Turn, next: Callable[[Turn], Awaitable[TurnResult]]
    ) -> TurnResult:
        self.programs.tell()
        await self._begin(agent, turn)
        result, blocks = await next(turn), 0
        while result.ok and (why := await self._sent_on(agent, result, blocks)):
            if blocks == MAX_BLOCKS:
                self.programs.tell(f"hooks sent the agent on {MAX_BLOCKS} times in this turn, now it ends: {why}")
                break
            blocks += 1
            agent.send(Text(why, origin="exec"), steer=True, source=SOURCE)
            given, turn.message = turn.message, None
            try:
                result = await next(turn)
            finally:
                turn.message = given
        return result

    async def _begin(self, agent: Agent, turn: Turn) -> None:
        """Give the input to the programs, and what they add to the model. Raises Vetoed where they refuse it."""
        sub = _sub_agent(agent)
        event = "UserPromptSubmit" if sub is None else "SubagentStart"
        if turn.message is None or turn.source.startswith("job:") or not self.programs.at(event):
            return
        fields = {"prompt": turn.message.text} if sub is None else _about(sub)
        answer = await self.programs.run(event, fields, subjects=() if sub is None else (str(sub.label),))
        if answer.stop is not None:
            raise Vetoed(answer.stop)
        if answer.denied:
            raise Vetoed(answer.why)
        if answer.contexts:
            added = Text(answer.context, origin="exec")
            turn.message = replace(turn.message, parts=[*turn.message.parts, added], encoded=None)

    async def _sent_on(self, agent: Agent, result: TurnResult, blocks: int) -> str:
        """Return why the agent must go on; "" where it may end."""
        sub = _sub_agent(agent)
        event = "Stop" if sub is None else "SubagentStop"
        if not self.programs.at(event):
            return ""
        fields = {"stop_hook_active": blocks > 0, "last_assistant_message": result.text}
        if sub is not None:
            fields |= _about(sub)
        answer = await self.programs.run(event, fields, subjects=() if sub is None else (str(sub.label),))
        return "" if answer.stop is not None else answer.why

    @hookimpl
    async def kt_around_tool_call(
        self, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        assert self._tools is not None, "the agent has not started"
        return await self._tools.around(call, next)

    @hookimpl(optionalhook=True)
    async def kt_around_compaction(self, compaction: Any, next: Callable[[Any], Awaitable[Message]]) -> Message:
        trigger = "manual" if compaction.reason == "asked" else "auto"
        fields = {"trigger": trigger, "custom_instructions": compaction.focus}
        await self.programs.run("PreCompact", fields, subjects=(trigger,))
        return await next(compaction)


def _sub_agent(agent: Agent) -> Any:
    """Return what makes an agent a sub-agent, with its `id` and `label`; None for any other."""
    return next((a.plugin for a in agent.active if a.name == "subagent"), None)


def _about(sub: Any) -> dict[str, str]:
    return {"agent_id": str(sub.id), "agent_type": str(sub.label)}
