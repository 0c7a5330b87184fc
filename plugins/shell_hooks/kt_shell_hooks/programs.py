"""The hook programs of one agent: which of them run at an event, what they are given, what they want together."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from kt import Agent
from kt.events import Advice

from .answer import Answer, answer_of, combined
from .files import Found, trusted
from .process import run
from .settings import Hook

MODES = {"plan": "plan", "auto": "bypassPermissions"}
"""Modes of the guard `permissions` that have another name there; the others are "default"."""


class Programs:
    """Run what is to run at an event, all at once, and tell the user what goes wrong with it."""

    def __init__(self, agent: Agent, found: Found) -> None:
        self._agent, self._found = agent, found
        self._hooks = found.hooks
        self._untold = list(found.remarks)
        self._session = Path(agent.session).stem if agent.session else uuid4().hex

    def at(self, event: str) -> bool:
        """Tell whether any program waits for an event."""
        return any(hook.event == event for hook in self._hooks)

    async def run(self, event: str, fields: Mapping[str, Any], *, subjects: tuple[str, ...] = ()) -> Answer:
        """Return what the programs of an event want; `subjects` are the names that their matchers may fit."""
        hooks = [hook for hook in self._hooks if hook.event == event and hook.matches(subjects)]
        if any(hook.project for hook in hooks):
            hooks = await self._still_trusted(hooks)
        unique = {hook.command: hook for hook in reversed(hooks)}
        chosen = [hook for hook in hooks if unique[hook.command] is hook]
        if not chosen:
            return Answer()
        stdin = json.dumps({**self._common(event), **fields}, default=str).encode()
        for hook in chosen:
            if not hook.waits:
                self._agent.spawn(self._run_beside(hook, stdin), name=f"hook {event}")
        answer = combined(await asyncio.gather(*(self._run(hook, stdin) for hook in chosen if hook.waits)))
        self.tell(*answer.remarks)
        return answer

    def tell(self, *remarks: str) -> None:
        """Publish remarks; those from before the first turn wait for it, for nobody may listen yet."""
        self._untold += remarks
        if self._agent.turns:
            untold, self._untold = self._untold, []
            for remark in untold:
                self._agent.bus.publish(Advice(remark))

    async def _run(self, hook: Hook, stdin: bytes) -> Answer:
        env = {**os.environ, "CLAUDE_PROJECT_DIR": str(self._found.root)}
        ended = await run(hook.command, stdin=stdin, cwd=self._agent.pwd, env=env, timeout=hook.timeout)
        return answer_of(hook, ended)

    async def _run_beside(self, hook: Hook, stdin: bytes) -> None:
        """Run a program whose answer nobody waits for."""
        self.tell(*(await self._run(hook, stdin)).remarks)

    async def _still_trusted(self, hooks: list[Hook]) -> list[Hook]:
        """Leave the project's hooks out for good once it is not what the user trusted: a tool may have changed it."""
        folder, registry = self._found.watched, self._agent.host.registry
        if folder is None or await asyncio.to_thread(trusted, registry, folder):
            return hooks
        self._found.watched = None
        self._hooks = [hook for hook in self._hooks if not hook.project]
        self.tell(
            f"the hooks of {folder} are left out from now on: it changed since it was trusted (kt trust {folder})"
        )
        return [hook for hook in hooks if not hook.project]

    def _common(self, event: str) -> dict[str, Any]:
        return {
            "session_id": self._session,
            "transcript_path": str(self._agent.session or ""),
            "cwd": str(self._agent.pwd),
            "permission_mode": self._mode(),
            "hook_event_name": event,
        }

    def _mode(self) -> str:
        guard = next((a.plugin for a in self._agent.active if a.name == "permissions"), None)
        return MODES.get(str(getattr(getattr(guard, "config", None), "mode", "")), "default")
