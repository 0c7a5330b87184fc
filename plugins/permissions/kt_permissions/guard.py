"""Decide on each call by what its tool needs: nothing, write, exec or net."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from kt import Agent, ToolCall, ToolResult, Vetoed, hookimpl
from kt.errors import ConfigError
from kt.events import QuestionAsked

MODES = ("ask", "accept-edits", "auto")
YES, ALWAYS, NO = "yes", "always in this session", "no"


@dataclass(slots=True)
class PermissionsConfig:
    """`mode`: ask (about edits too), accept-edits (edits in the working folder pass), auto (everything passes)."""

    mode: Literal["ask", "accept-edits", "auto"] = "accept-edits"
    allow_unsandboxed: bool = False


class Permissions:
    """A guard: calls of tools that execute or reach the network need a yes, given once or for exactly these arguments.

    Until a sandbox holds what a program does, nothing but the user, `auto` or `allow_unsandboxed` lets one run.
    """

    Config = PermissionsConfig

    def __init__(self, config: PermissionsConfig | None = None) -> None:
        self.config = config or PermissionsConfig()
        if self.config.mode not in MODES:
            raise ConfigError(f"permissions.mode {self.config.mode!r} is none of {', '.join(MODES)}")
        self._always: set[str] = set()

    @hookimpl
    async def kt_around_tool_call(
        self, agent: Agent, call: ToolCall, next: Callable[[ToolCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        tool = agent.tools.get(call.name)
        needs = tool.needs if tool is not None else frozenset({"exec"})
        if not self._must_ask(needs):
            return await next(call)
        rule = f"{call.name} {json.dumps(call.arguments, sort_keys=True)}"
        if rule not in self._always:
            await self._ask(agent, call, rule, needs)
        return await next(call)

    def _must_ask(self, needs: frozenset[str]) -> bool:
        if self.config.mode == "auto" or not needs:
            return False
        if needs <= {"write"}:
            return self.config.mode == "ask"
        return not (needs <= {"write", "exec"} and self.config.allow_unsandboxed)

    async def _ask(self, agent: Agent, call: ToolCall, rule: str, needs: frozenset[str]) -> None:
        """Return if the user says yes. Raises Vetoed otherwise."""
        text = f"Allow {call.name} ({', '.join(sorted(needs))})?"
        answer = await agent.ask(QuestionAsked("", text, [YES, ALWAYS, NO], "approval", call.id, call.arguments))
        if answer is None:
            flag = " or with --allow-unsandboxed" if "exec" in needs else ""
            raise Vetoed(f"{call.name} needs approval and nobody can be asked; run on a terminal{flag}")
        if answer == ALWAYS:
            self._always.add(rule)
        elif answer != YES:
            reason = "" if answer in (NO, "") else f": {answer}"
            raise Vetoed(f"the user said no to {call.name}{reason}")
