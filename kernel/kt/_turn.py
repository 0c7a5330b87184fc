"""A turn: its limits, its cancellation, and the typed result it ends with."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._messages import Json, Message, ToolCall, ToolResult, Usage
from .errors import KTError, LimitReached, TurnCancelled, TurnTimeout

if TYPE_CHECKING:
    from ._controller import Sink
    from .events import Event, QuestionAsked


class Status(StrEnum):
    """How a turn ended."""

    ok = "ok"
    failed = "failed"
    timeout = "timeout"
    cancelled = "cancelled"
    limit = "limit"
    denied = "denied"
    waiting = "waiting"


@dataclass(slots=True)
class ToolRecord:
    """One tool call of a turn; `error` is the text of an error result, `duration` in seconds."""

    id: str
    name: str
    arguments: Json
    result: str | None = None
    error: str | None = None
    duration: float = 0.0


@dataclass(slots=True)
class TurnResult:
    """Say how a turn ended and what it brought.

    `text` is the final answer; `turns` counts model calls; `duration` is in seconds; `pending` holds the unanswered
    questions of status waiting; `session` is the file that keeps the turn, if any.
    """

    status: Status = Status.ok
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    tool_calls: Sequence[ToolRecord] = ()
    error: KTError | None = None
    output: Any = None
    pending: "Sequence[QuestionAsked]" = ()
    turns: int = 0
    duration: float = 0.0
    session: str | None = None

    @property
    def ok(self) -> bool:
        return self.status is Status.ok

    @property
    def exit_code(self) -> int:
        """Return the process exit code this result maps to."""
        return 0 if self.error is None else self.error.exit_code

    def unwrap(self) -> "TurnResult":
        """Return this result if it is ok; raise its typed error otherwise."""
        if self.error is not None:
            raise self.error
        return self


@dataclass(slots=True, frozen=True)
class Limits:
    """Bound a turn: model calls, tokens (input + output), seconds. None is no bound."""

    max_turns: int | None = None
    max_tokens: int | None = None
    time_limit: float | None = None


@dataclass(slots=True, eq=False)
class CallState:
    """One call of a turn: its validated arguments, its starts, its result."""

    call: ToolCall
    record: ToolRecord
    bound: dict[str, Any] | None = None
    attempts: int = 0
    result: ToolResult | None = None

    def __deepcopy__(self, memo: object) -> "CallState":
        return self

    def end(self, result: ToolResult, seconds: float = 0.0) -> None:
        """Note the result."""
        self.result, self.record.duration = result, seconds
        self.record.error, self.record.result = (result.text, None) if result.is_error else (None, result.text)


class Turn:
    """One turn while it runs: hooks read it, `cancel` is for everybody.

    `waits` says that the caller waits for what the turn started (see `hold`); `output` is the typed output a plugin
    found; `calls` is by call id; `sink` takes the reply that streams, and `attempt` counts its starts.
    """

    tap: Callable[["Event"], object] | None = None
    off: Callable[[], None] | None = None
    holds: "set[asyncio.Future[None]] | None" = None
    sink: "Sink | None" = None
    text = ""
    output: Any = None
    turns = attempt = strikes = 0
    ended = False
    timers: "tuple[asyncio.TimerHandle, ...]" = ()
    _task: "asyncio.Task[Any] | None" = None
    _reason: "KTError | None" = None
    _base = 0
    _delivered = False

    def __init__(self, id: int, message: Message | None, source: str, limits: Limits, waits: bool = False) -> None:
        self.id, self.message, self.source, self.limits, self.waits = id, message, source, limits, waits
        self.usage, self.started = Usage(), perf_counter()
        self.calls: dict[str, CallState] = {}

    def result(self, status: Status, error: KTError | None = None, *, session: str | None = None) -> TurnResult:
        """Return the result of the turn as it is now."""
        calls = [state.record for state in self.calls.values()] if self.calls else ()
        took = perf_counter() - self.started
        return TurnResult(status, self.text, self.usage, calls, error, self.output, (), self.turns, took, session)

    def cancel(self, reason: KTError | None = None) -> None:
        """End the turn as soon as it can be: what awaits is cancelled, the history stays valid."""
        if self.ended or self._reason is not None:
            return
        self._reason = reason or TurnCancelled("the turn was cancelled")
        if self._task is not None:
            # From inside the turn's own task the cancellation must wait until the task suspends.
            asyncio.get_running_loop().call_soon(self._deliver, self._task)

    def _deliver(self, task: "asyncio.Task[Any]") -> None:
        if not self.ended:
            self._delivered = True
            task.cancel()

    def hold(self) -> "asyncio.Future[None]":
        """Return a future that keeps a turn whose caller waits from ending, until it is done."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.holds = {*(self.holds or ()), future}
        return future

    def go_on(self) -> None:
        """Raise the reason of a cancellation that is on its way."""
        if self._reason is not None:
            raise self._reason

    def check(self) -> None:
        """Raise what ends the turn now: a cancellation that is on its way, or a limit."""
        self.go_on()
        limits = self.limits
        if limits.max_turns is not None and self.turns >= limits.max_turns:
            raise LimitReached(f"the turn reached its limit of {limits.max_turns} model calls")
        if limits.max_tokens is not None and self.usage.total >= limits.max_tokens:
            raise LimitReached(f"the turn used {self.usage.total} tokens; its limit is {limits.max_tokens}")

    def __enter__(self) -> "Turn":
        self.go_on()
        self._task = asyncio.current_task()
        assert self._task is not None
        self._base = self._task.cancelling()
        return self

    def bound(self, seconds: float, what: str) -> None:
        """Cancel the turn with status timeout after `seconds`."""
        error = TurnTimeout(f"{what} {seconds:g} s")
        self.timers += (asyncio.get_running_loop().call_later(seconds, self.cancel, error),)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Turn the turn's own cancellation into its reason; one from outside passes."""
        self.ended = True
        task = self._task
        ours = self._delivered and task is not None and task.uncancel() <= self._base
        if ours and self._reason is not None and isinstance(error, asyncio.CancelledError):
            raise self._reason from None
