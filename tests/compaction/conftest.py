"""A model that counts what it is sent, has a context of its own, and tells requests for a summary from others."""

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kt import Agent, Host, Message, Request, Text, ToolCall, ToolResult, Usage
from kt.errors import ContextTooLong
from kt.testing import running
from kt_compaction.compactor import Compactor
from kt_compaction.settings import Settings

NOTES = "the notes so far"


def tokens_of(request: Request) -> int:
    """Count four characters as a token, and 25 tokens for each message."""
    parts = [p for m in request.messages for part in m.parts for p in (getattr(part, "parts", None) or [part])]
    said = sum(len(p.text) if isinstance(p, Text) else len(getattr(p, "args_text", "")) for p in parts)
    return (said + len(request.system)) // 4 + 25 * len(request.messages)


@dataclass
class Talk:
    """Answer turns with `say(request)` and requests for a summary with `notes`, text or a function of the request.

    An answer is a text, a list of (tool, arguments), a Message or an exception. `context` is in tokens.
    """

    say: Any = "a plain answer"
    notes: Any = NOTES
    context: int = 10**9
    model: str = "talk"
    plugins: tuple[str, ...] = ()
    requests: list[Request] = field(default_factory=list)
    summaries: list[Request] = field(default_factory=list)
    refused: int = 0
    calls: int = 0

    async def stream(self, request: Request) -> Any:
        notes = "take the place of everything above" in request.messages[-1].text
        (self.summaries if notes else self.requests).append(replace(request, messages=list(request.messages)))
        if (used := tokens_of(request)) > self.context:
            self.refused += 1
            raise ContextTooLong(f"{used} tokens are too many")
        step = self.notes if notes else self.say
        step = step(request) if callable(step) else step
        if inspect.isawaitable(step):
            step = await step
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Message):
            yield replace(step, usage=step.usage or Usage(used, 10))
            return
        parts: list[Any] = [Text(step)] if isinstance(step, str) else list(map(self._call, step))
        if isinstance(step, str):
            yield step
        yield Message(
            "assistant", parts, finish="stop" if isinstance(step, str) else "tool_calls", usage=Usage(used, 10)
        )

    def _call(self, step: tuple[str, Any]) -> ToolCall:
        self.calls += 1
        return ToolCall(f"c{self.calls}", step[0], json.dumps(step[1]))


def valid(history: Sequence[Message]) -> bool:
    """Tell whether each call has one result right after it, and each result its call."""
    open_calls: list[str] = []
    for message in history:
        results = [part.call_id for part in message.parts if isinstance(part, ToolResult)]
        if message.role != "tool" and open_calls:
            return False
        if any(id not in open_calls for id in results):
            return False
        open_calls = [id for id in open_calls if id not in results] + [call.id for call in message.tool_calls]
    return not open_calls


@pytest.fixture
def talk() -> type[Talk]:
    return Talk


@pytest.fixture
def is_valid() -> Callable[[Sequence[Message]], bool]:
    return valid


@pytest.fixture
def compacting() -> Callable[..., Any]:
    """Return what starts an agent with the plugin: `async with compacting(llm, context_tokens=..., plugins=[...])`."""

    def start(llm: object, *, plugins: Sequence[object] = (), **options: Any) -> Any:
        names = Settings.__dataclass_fields__
        settings = Settings(**{name: options.pop(name) for name in list(options) if name in names})
        return running(llm, plugins=[Compactor(settings), *plugins], **options)

    return start


@pytest.fixture
def filled() -> Callable[..., None]:
    """Return what gives an agent a conversation of so many turns, each of so many characters an answer."""

    def fill(agent: Agent, turns: int = 20, *, characters: int = 400) -> None:
        for turn in range(turns):
            agent.add(Message("user", [Text(f"question {turn}")]))
            agent.add(Message("assistant", [Text(f"answer {turn} ".ljust(characters, "."))]))

    return fill


@pytest.fixture
def register() -> Iterator[Callable[[str, str, object], None]]:
    """Return what adds a name to the registry of this process until the test ends."""
    registry = Host().registry
    registry.owner = ("kt-compaction-tests", "0")
    yield registry.add
    registry.drop("kt-compaction-tests")
