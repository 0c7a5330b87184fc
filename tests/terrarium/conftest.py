"""What the tests of terrariums share."""

import asyncio
from collections.abc import Callable
from typing import Any

from kt import Agent
from kt.testing import ScriptedLLM


def says(text: str = "ok") -> ScriptedLLM:
    """Return a model that always answers the same."""
    return ScriptedLLM(lambda request: text)


def last(request: Any) -> str:
    """Return what the user said last, "" where the last message is a tool's result."""
    message = request.messages[-1]
    return str(message.text) if message.role == "user" else ""


def told(agent: Agent) -> list[str]:
    """Return what a creature was told, oldest first."""
    return [m.text for m in agent.history if m.role == "user"]


def results(agent: Agent) -> list[str]:
    """Return the results of the tools that a creature called."""
    return [part.text for m in agent.history if m.role == "tool" for part in m.parts]


class Gate:
    """A model that answers once it is opened; `asked` counts its requests."""

    model = "gate"

    def __init__(self, answer: Callable[[Any], Any] = lambda request: "done") -> None:
        self.open = asyncio.Event()
        self.asked = 0
        self._inner = ScriptedLLM(self._wait)
        self._answer = answer

    async def _wait(self, request: Any) -> Any:
        self.asked += 1
        await self.open.wait()
        return self._answer(request)

    def stream(self, request: Any) -> Any:
        return self._inner.stream(request)


async def until(true: Callable[[], Any]) -> None:
    """Let tasks run until something holds."""

    async def wait() -> None:
        while not true():  # noqa: ASYNC110  it may be anything
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), 10)
