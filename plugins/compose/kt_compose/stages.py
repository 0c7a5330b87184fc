"""Functions, sequences, routers and names."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kt import Tool
from kt.errors import UsageError

from .loops import PerLoop
from .node import CALL, SHIFT, Around, Node, Several, Stage
from .run import Run


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Function(Stage):
    """Call a function, and await what it returns where that can be awaited."""

    function: Callable[[Any], Any]
    name: str

    async def work(self, value: Any, run: Run, call: int) -> Any:
        out = self.function(value)
        return await out if inspect.isawaitable(out) else out

    def __repr__(self) -> str:
        return f"pure({self.name})"


def of_tool(tool: Tool) -> Function:
    """Return a tool as a function of its only argument. Raises UsageError for one that needs an agent's call."""
    if tool.takes_context:
        raise UsageError(f"tool {tool.name!r} wants a kt.Context, which only an agent's call has")
    if not tool.blocking:
        return Function(tool.function, tool.name)

    async def in_thread(value: Any) -> Any:
        return await asyncio.to_thread(tool.function, value)

    return Function(in_thread, tool.name)


class Sequence(Several):
    """Give each node what the one before returned. Text streams from the last that speaks."""

    __slots__ = ()
    binds: ClassVar[int] = SHIFT

    async def run(self, value: Any, run: Run) -> Any:
        speaker = max((i for i, node in enumerate(self.nodes) if node.speaks), default=-1)
        for i, node in enumerate(self.nodes):
            value = await node.run(value, run if i == speaker else run.quiet())
        return value

    def __repr__(self) -> str:
        return " >> ".join(node.within(SHIFT) for node in self.nodes)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Router(Node):
    """Give the value to the node of its key: the value itself, or the first of a pair, whose second goes on."""

    routes: Mapping[Any, Node]

    @property
    def inner(self) -> tuple[Node, ...]:
        return tuple(self.routes.values())

    async def run(self, value: Any, run: Run) -> Any:
        key, payload = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
        node = self._find(key)
        if node is None:
            names = ", ".join(map(repr, self.routes))
            raise UsageError(f"no route for {key!r}", where=f"routes: {names}", hint="add a default: {..., ...: step}")
        return await node.run(payload, run)

    def _find(self, key: object) -> Node | None:
        default = self.routes.get(...)
        try:
            return self.routes.get(key.strip() if isinstance(key, str) else key, default)
        except TypeError:  # what has no hash is no key
            return default

    def __repr__(self) -> str:
        routes = (f"{'...' if key is ... else repr(key)}: {node!r}" for key, node in self.routes.items())
        return f"{{{', '.join(routes)}}}"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Named(Stage):
    """Give a node a name, under which it is told of; it is one operand, whatever it is made of."""

    node: Node
    name: str

    @property
    def inner(self) -> tuple[Node, ...]:
        return (self.node,)

    async def work(self, value: Any, run: Run, call: int) -> Any:
        return await self.node.run(value, run)

    def __repr__(self) -> str:
        return f"{self.node.within(CALL)}.named({self.name!r})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Limit(Around):
    """Let at most `n` calls of the node run at once, in the order they came."""

    n: int
    slots: PerLoop[asyncio.Semaphore]

    async def run(self, value: Any, run: Run) -> Any:
        async with self.slots.get():
            return await self.node.run(value, run)

    def __repr__(self) -> str:
        return f"{self.node.within(CALL)}.limit({self.n})"


def limit(node: Node, n: int) -> Limit:
    """Return the node with a limit. Raises UsageError for one below 1."""
    positive(n, "limit")
    return Limit(node, n, PerLoop(lambda: asyncio.Semaphore(n)))


def positive(n: object, what: str) -> None:
    """Raise UsageError for what is no whole number from 1 on."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise UsageError(f"{what}: {n!r} is no number from 1 on")
