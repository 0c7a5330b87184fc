"""A log, a host and a model whose replies come in pieces, for agents with the guard `redact`."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import kt
import pytest
from kt.events import LLMRetry, ThinkingDelta, ToolCallDelta
from kt.testing import EventRecorder, running
from kt_redact.plugin import Redact

Watched: TypeAlias = Callable[..., AbstractAsyncContextManager[tuple[kt.Agent, "Journal", EventRecorder]]]


class Journal:
    """A lasting log that writes each record as JSON, at once."""

    lasting = True

    def __init__(self) -> None:
        self.lines: list[str] = []

    def append(self, record: kt.events.Logged) -> int:
        self.lines.append(json.dumps(kt.encode(record), ensure_ascii=len(self.lines) % 2 == 0))
        return len(self.lines)

    async def durable(self) -> None:
        await asyncio.sleep(0)


class Cut:
    """A provider that says its replies in pieces of a few characters; `requests` are what it was asked."""

    model = "cut"

    def __init__(self, *replies: kt.Message | Exception, size: int = 3) -> None:
        self.replies, self.size = list(replies), size
        self.requests: list[kt.Request] = []

    async def stream(self, request: kt.Request) -> AsyncIterator[Any]:
        self.requests.append(kt.Request(list(request.messages), request.system))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            yield LLMRetry(1, 0.0, f"reason {reply}")
            yield "half a secret: canary-03"
            raise reply
        for part in reply.parts:
            for piece in self._cut(part):
                yield piece
        yield reply

    def _cut(self, part: kt.Part) -> list[Any]:
        said = part.args_text if isinstance(part, kt.ToolCall) else getattr(part, "text", "")
        cuts = [said[i : i + self.size] for i in range(0, len(said), self.size)]
        if isinstance(part, kt.Thinking):
            return [ThinkingDelta(cut) for cut in cuts]
        if isinstance(part, kt.ToolCall):
            return [*(ToolCallDelta(part.id, cut, part.name) for cut in cuts), part]
        return cuts if isinstance(part, kt.Text) else []


@pytest.fixture
def cut() -> type[Cut]:
    return Cut


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def watched(journal: Journal) -> Watched:
    """Run an agent with the plugin as its guard, a log, and somebody who hears everything."""

    @asynccontextmanager
    async def run(llm: Any, **options: Any) -> AsyncIterator[tuple[kt.Agent, Journal, EventRecorder]]:
        plugins = kt.Plugins()

        def use(plan: kt.Plan, value: kt.Log) -> None:
            plan.log = value

        plugins.registry.build_option("journal", use)
        given = {"guards": [Redact()], "journal": journal, "unguarded": True, **options}
        async with kt.Host(plugins) as host, running(llm, host=host, **given) as agent:
            yield agent, journal, EventRecorder(agent)

    return run
