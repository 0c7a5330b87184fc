"""A step that is fed its own output."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from .node import Node
from .run import Listener, Run

O = TypeVar("O")  # noqa: E741


class Iteration(Generic[O]):
    """Yield each output, which is the next input unless `feed` gives another; see Step.iterate."""

    def __init__(
        self,
        node: Node,
        value: Any,
        *,
        until: Callable[[O], bool] | None,
        most: int | None,
        on_event: Listener | None,
    ) -> None:
        self._node, self._next, self._until, self._left = node, value, until, most
        self._run = Run(on_event)
        self._ended = False

    def feed(self, value: Any) -> None:
        """Give the next round this input."""
        self._next = value

    def __aiter__(self) -> AsyncIterator[O]:
        return self

    async def __anext__(self) -> O:
        if self._ended or self._left == 0:
            raise StopAsyncIteration
        out: O = await self._node.run(self._next, self._run)
        self._next = out
        if self._left is not None:
            self._left -= 1
        self._ended = self._until is not None and self._until(out)
        return out
