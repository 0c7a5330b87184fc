"""The test kit: a scripted model, recorders, a virtual clock, and a builder for agents."""

import asyncio
import heapq
import inspect
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ._agent import Agent
from ._codec import decode, encode
from ._host import Clock
from ._messages import Message, Part, Text, ToolCall, ToolResult, Usage
from ._provider import Delta, Provider, Request
from .errors import DataError, KTError, ModelError
from .events import Event, LLMEnded, LLMRetry, TextDelta, ThinkingDelta, ToolCallDelta

Step: TypeAlias = Any
E = TypeVar("E", bound=Event)


class ScriptedLLM:
    """Play a script instead of asking a model.

    `steps` is an iterable, consumed lazily, or one function that answers every request. A step is a string (text,
    streamed word by word), a list of (tool, arguments) calls, an exception to raise, a Message, or a sync or async
    function `request -> step`. `requests` holds what the model was sent; `delay` waits seconds before each word.
    Usage counts words, so that figures follow from what was said.
    """

    model = "scripted"
    enforces_schema = False

    def __init__(self, steps: "Iterable[Step] | Callable[[Request], Any]" = (), *, delay: float = 0.0) -> None:
        self._steps: Iterator[Step] | None = None if callable(steps) else iter(steps)
        self._answer = steps if callable(steps) else None
        self.requests: list[Request] = []
        self.delay = delay
        self._calls = 0

    async def stream(self, request: Request) -> AsyncIterator[Delta | Message]:
        """Yield the next step's deltas, then its Message. Raises ModelError when the script is at its end."""
        self.requests.append(_snapshot(request))
        step: Any = self._answer
        if self._steps is not None:
            step = next(self._steps, ModelError(f"the script ended after {len(self.requests) - 1} steps"))
        while callable(step):
            step = step(request)
            if isinstance(step, Awaitable):
                step = await step
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, Message):
            yield step
            return
        parts: list[Part] = []
        if isinstance(step, str):
            parts.append(Text(step))
            for word in _words(step):
                if self.delay:
                    await asyncio.sleep(self.delay)
                yield word
        else:
            for name, arguments in step:
                self._calls += 1
                text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
                call = ToolCall(f"call_{self._calls}", name, text)
                yield ToolCallDelta(call.id, text, name)
                yield call
                parts.append(call)
        calls = not isinstance(step, str)
        yield Message(
            "assistant", parts, model=self.model, finish="tool_calls" if calls else "stop", usage=_usage(request, parts)
        )


def _snapshot(request: Request) -> Request:
    """Copy the request with the messages it has now; the live history goes on growing."""
    return Request(
        list(request.messages), request.system, tuple(request.tools), dict(request.settings), request.output_schema
    )


def _words(text: str) -> list[str]:
    pieces = text.split(" ")
    return [p + " " for p in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _usage(request: Request, parts: Sequence[Part]) -> Usage:
    said = sum(len(m.text.split()) for m in request.messages) + len(request.system.split())
    return Usage(said, sum(len(p.text.split()) if isinstance(p, Text) else 1 for p in parts))


class EventRecorder:
    """Keep every event of an agent: `EventRecorder(agent)`; `events`, `of(Type)`, `kinds`."""

    def __init__(self, agent: Agent) -> None:
        self.events: list[Event] = []
        self.off = agent.bus.on(Event, self.events.append)

    def of(self, kind: type[E]) -> list[E]:
        return [e for e in self.events if isinstance(e, kind)]

    @property
    def kinds(self) -> list[str]:
        return [e.kind for e in self.events]


class OutputRecorder:
    """An output that keeps what an agent says: `Agent.build(outputs=[recorder])`; `texts`, `streamed`."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.streamed = ""

    @asynccontextmanager
    async def __call__(self, agent: Agent) -> AsyncIterator[None]:
        def ended(event: LLMEnded) -> None:
            if event.message.text:
                self.texts.append(event.message.text)

        def delta(event: TextDelta) -> None:
            self.streamed += event.text

        offs = agent.bus.on(LLMEnded, ended), agent.bus.on(TextDelta, delta)
        try:
            yield
        finally:
            for off in offs:
                off()


class VirtualClock(Clock):
    """Time that only moves when told: `Host(clock=VirtualClock())`, then `await clock.advance(60)`."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time on, waking each sleeper at its time and letting it run."""
        end = self.now + seconds
        await _let_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.now, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
            await _let_run()
        self.now = end


async def _let_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(steps: Any = (), **options: Any) -> AsyncIterator[Agent]:
    """Yield a started agent that plays `steps` (see ScriptedLLM; or an object with `stream`); stop it at the end."""
    llm = steps if hasattr(steps, "stream") and not inspect.isfunction(steps) else ScriptedLLM(steps)
    creature = options.pop("creature", {"name": "test"})
    async with await Agent.build(creature, llm=llm, **options) as agent:
        yield agent


SECRET = re.compile(r"(?i)(KEY|TOKEN|SECRET|PASSWORD)$")
KEYLIKE = re.compile(r"\b(?:sk|pk|gsk|xai|ghp|key)[-_][\w-]{8,}")


class RecordingProvider:
    """Pass requests on to a provider and write what came to a file that ReplayProvider plays back.

    A line of JSON a request. `secrets`, the values of environment variables called like secrets, and what looks like a
    key are written as ***.
    """

    def __init__(self, provider: Provider, path: Path, *, secrets: Sequence[str] = ()) -> None:
        self.provider, self.path = provider, path
        self.model = str(getattr(provider, "model", "recorded"))
        own = [value for name, value in os.environ.items() if SECRET.search(name) and len(value) > 7]
        self._secrets = sorted({*secrets, *own}, key=len, reverse=True)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        items: list[Any] = []
        failed: KTError | None = None
        asked = _asked(request)
        try:
            async for item in self.provider.stream(request):
                items.append(encode(item))
                yield item
        except KTError as error:
            failed = error
            raise
        finally:
            ended = None if failed is None else {"code": failed.code, "what": failed.what}
            self._write({"request": asked, "items": items, "error": ended})

    def _write(self, record: Any) -> None:
        text = json.dumps(record, ensure_ascii=False)
        for secret in self._secrets:
            text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], "***")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(KEYLIKE.sub("***", text) + "\n")


class ReplayProvider:
    """Play back what RecordingProvider wrote, request by request.

    Raises DataError at a request that asks something else than was recorded, unless `check` is False.
    """

    def __init__(self, path: Path, *, check: bool = True) -> None:
        self.path, self.check, self.model = path, check, "replay"
        self._records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        self.asked = 0

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        where = f"{self.path}:{self.asked + 1}"
        if self.asked >= len(self._records):
            raise DataError(f"only {len(self._records)} requests were recorded", where=where)
        record = self._records[self.asked]
        self.asked += 1
        if self.check and not _same(record["request"], _asked(request)):
            raise DataError("this request is not the one that was recorded", where=where, hint="record it again")
        for item in record["items"]:
            yield item if isinstance(item, str) else _item(item)
        if (error := record["error"]) is not None:
            raise next((c for c in _errors(KTError) if c.code == error["code"]), ModelError)(error["what"])


def _asked(request: Request) -> Any:
    """Return what a request asks, without what differs from run to run."""
    said = [[m.role, m.text, [[c.name, c.args_text] for c in m.tool_calls]] for m in request.messages]
    results = [[p.text for p in m.parts if isinstance(p, ToolResult)] for m in request.messages]
    return {"said": said, "results": results, "tools": [t.name for t in request.tools]}


def _same(recorded: Any, asked: Any) -> bool:
    """Tell whether a request is the recorded one; what stands as *** in the record may be anything."""
    pattern = re.escape(json.dumps(recorded)).replace(re.escape("***"), ".*")
    return re.fullmatch(pattern, json.dumps(asked), re.DOTALL) is not None


def _item(data: dict[str, Any]) -> Any:
    """Return the delta or Message that a record holds."""
    kinds = {cls.kind: cls for cls in (ThinkingDelta, ToolCallDelta, LLMRetry)}
    name = data.pop("type", None)
    cls = kinds[name] if name else ToolCall if data.get("kind") == "tool_call" else Message
    return decode(cls, json.dumps(data))


def _errors(cls: type[KTError]) -> Iterator[type[KTError]]:
    for sub in cls.__subclasses__():
        yield from _errors(sub)
        yield sub
