"""The text of a pipeline while it runs: `async with step.stream(x) as stream`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Generic, Self, TypeVar

from kt.errors import UsageError

from .node import Node
from .run import Listener, Run
from .tasks import end

O = TypeVar("O", covariant=True)  # noqa: E741


class Piece(str):
    """A piece of text; `step` names whose.

    One with `restarts` is empty and says that all before it is void: a retry, a fallback, or a further reply of the
    same turn begins.
    """

    step: str
    restarts: bool

    def __new__(cls, text: str, step: str, *, restarts: bool = False) -> "Piece":
        piece = super().__new__(cls, text)
        piece.step, piece.restarts = step, restarts
        return piece


class Stream(Generic[O]):
    """Iterate over the pieces; the run starts with `async with`, and leaving that cancels it and waits for its end.

    `text` is what was iterated over and still counts, `value` what the pipeline returned.
    """

    def __init__(self, node: Node, value: Any, on_event: Listener | None) -> None:
        self._node, self._value, self._run = node, value, Run(on_event, voice=self)
        self._task: asyncio.Task[O] | None = None
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._said = False
        self._text: list[str] = []

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._node.run(self._value, self._run), name="pipeline")
        self._task.add_done_callback(lambda _: self._pieces.put_nowait(None))
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._task is not None:
            await end(self._task)

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self

    async def __anext__(self) -> Piece:
        """Return the next piece; at the end, raise what the run raised."""
        if self._task is None:
            raise UsageError("the stream was not entered", hint="async with step.stream(x) as stream")
        piece = await self._pieces.get()
        if piece is None:
            self._pieces.put_nowait(None)
            self._task.result()
            raise StopAsyncIteration
        if piece.restarts:
            self._text.clear()
        self._text.append(piece)
        return piece

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def value(self) -> O:
        """Return what the pipeline returned, or raise what it raised. Raises UsageError before its end."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            raise UsageError("the pipeline has no value: it has not run to its end", hint="iterate over all pieces")
        return self._task.result()

    def say(self, step: str, text: str) -> None:
        self._said = True
        self._pieces.put_nowait(Piece(text, step))

    def restart(self, step: str) -> None:
        if self._said:
            self._said = False
            self._pieces.put_nowait(Piece("", step, restarts=True))
