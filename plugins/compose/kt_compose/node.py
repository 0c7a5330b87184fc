"""The nodes a step is made of: what they have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from .events import StepEnded, StepFailed, StepStarted
from .run import Run

OR, AND, SHIFT, TIMES, CALL = range(5)
"""How tight an operator binds in Python, for the parentheses of a repr."""


class Node(ABC):
    """Take a value, return a value. A Step is a node with operators."""

    __slots__ = ()
    binds: ClassVar[int] = CALL

    @property
    def inner(self) -> tuple["Node", ...]:
        """Return the nodes this one is made of."""
        return ()

    @property
    def speaks(self) -> bool:
        """Return whether text can stream from it: as far as the expression says, whatever a run will do."""
        return any(node.speaks for node in self.inner)

    @abstractmethod
    async def run(self, value: Any, run: Run) -> Any: ...

    def within(self, level: int) -> str:
        """Return the repr as an operand: in parentheses where an operator of this level would bind tighter."""
        return f"({self!r})" if self.binds < level else repr(self)


class Stage(Node):
    """A node with a name of its own, whose start and end are told."""

    __slots__ = ()
    name: str

    async def run(self, value: Any, run: Run) -> Any:
        call = next(run.calls)
        run.tell(StepStarted, self.name, call)
        try:
            out = await self.work(value, run, call)
        except BaseException as error:
            run.tell(StepFailed, self.name, call, error)
            raise
        run.tell(StepEnded, self.name, call, out)
        return out

    @abstractmethod
    async def work(self, value: Any, run: Run, call: int) -> Any: ...


class Owner(Stage):
    """A stage that owns something, which `async with` opens and closes."""

    __slots__ = ()

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Several(Node):
    """A node made of several, in order."""

    nodes: tuple[Node, ...]

    @property
    def inner(self) -> tuple[Node, ...]:
        return self.nodes


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Around(Node):
    """A node around another one."""

    node: Node

    @property
    def inner(self) -> tuple[Node, ...]:
        return (self.node,)


def name_of(thing: object) -> str:
    """Return the name of a stage or function; the repr of another node."""
    if isinstance(thing, Node):
        return thing.name if isinstance(thing, Stage) else repr(thing)
    return str(getattr(thing, "__name__", type(thing).__name__)).strip("<>")


def owners(node: Node) -> list[Owner]:
    """Return the stages of a pipeline that own something, each once, as they stand in the expression."""
    found = {id(node): node} if isinstance(node, Owner) else {}
    for part in node.inner:
        found.update({id(owner): owner for owner in owners(part)})
    return list(found.values())
