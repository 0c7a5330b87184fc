"""The step: a typed front over the nodes of a pipeline, with the operators that join them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeAlias, TypeVar, TypeVarTuple, overload

from kt import Agent, Tool
from kt.errors import UsageError

from .agents import Conversing
from .answers import Answer
from .iterate import Iteration
from .node import Node, Several, name_of, owners
from .parallel import Each, Parallel
from .recovery import Check, Fallback, Retry, Timeout
from .run import Listener, Run
from .stages import Function, Named, Router, Sequence, limit, of_tool, positive
from .stream import Stream

I = TypeVar("I", contravariant=True)  # noqa: E741
O = TypeVar("O", covariant=True)  # noqa: E741
A = TypeVar("A")
B = TypeVar("B")
X = TypeVar("X")
Ts = TypeVarTuple("Ts")
Async: TypeAlias = Callable[[A], Awaitable[B]]
"""An async function of one argument; every Step is one."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Step(Generic[I, O]):
    """Take an I, return an O: `await step(x)`. Immutable; operators make new ones.

    `>>` sequence (a dict: router), `&` parallel, `|` fallback, `*` retry. The other operand may be a step, a function,
    a kt.Agent, a kt Tool or, where one is a route, a dict.
    """

    node: Node

    async def __call__(self, value: I, *, on_event: Listener | None = None) -> O:
        """Run the pipeline; `on_event` hears of its steps and of their agents' turns, and must not block."""
        out: O = await self.node.run(value, Run(on_event))
        return out

    def stream(self, value: I, *, on_event: Listener | None = None) -> Stream[O]:
        """Return the run as a stream of text: that of the last stage which speaks, as the expression has it."""
        return Stream(self.node, value, on_event)

    def iterate(
        self,
        value: I,
        *,
        until: Callable[[O], bool] | None = None,
        max: int | None = None,
        on_event: Listener | None = None,
    ) -> Iteration[O]:
        """Return an async iterator of outputs, each the next input; it ends with one of which `until` is true."""
        if max is not None:
            positive(max, "max")
        return Iteration(self.node, value, until=until, most=max, on_event=on_event)

    @property
    def name(self) -> str:
        return name_of(self.node)

    def named(self, name: str) -> "Step[I, O]":
        """Return the step under a name, as one operand: `(a & b).named("both") & c` is a pair."""
        return Step(Named(self.node, name))

    def __repr__(self) -> str:
        return repr(self.node)

    # Life

    async def __aenter__(self) -> Self:
        """Start every agent of the pipeline, so that what is wrong with one raises here."""
        try:
            for node in owners(self.node):
                await node.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the agents that the pipeline started, the last one first; a turn that runs ends cancelled."""
        async with AsyncExitStack() as stack:
            for node in owners(self.node):
                stack.push_async_callback(node.close)

    # Operators

    @overload
    def __rshift__(self, other: Async[O, B]) -> "Step[I, B]": ...
    @overload
    def __rshift__(self, other: Callable[[O], B]) -> "Step[I, B]": ...
    @overload
    def __rshift__(self, other: Agent) -> "Step[I, Answer[Any]]": ...
    @overload
    def __rshift__(self, other: Mapping[Any, "Step[Any, B]"]) -> "Step[I, B]": ...
    @overload
    def __rshift__(self, other: Mapping[Any, Any]) -> "Step[I, Any]": ...
    def __rshift__(self, other: Any) -> "Step[I, Any]":
        return Step(joined(Sequence, self, other))

    @overload
    def __rrshift__(self, other: Async[A, I]) -> "Step[A, O]": ...
    @overload
    def __rrshift__(self, other: Callable[[A], I]) -> "Step[A, O]": ...
    @overload
    def __rrshift__(self, other: Agent | Mapping[Any, Any]) -> "Step[Any, O]": ...
    def __rrshift__(self, other: Any) -> "Step[Any, O]":
        return Step(joined(Sequence, other, self))

    @overload
    def __and__(self: "Step[object, O]", other: "ParallelStep[X, *Ts]") -> "ParallelStep[X, O, *Ts]": ...
    @overload
    def __and__(self: "Step[object, O]", other: Async[X, B]) -> "ParallelStep[X, O, B]": ...
    @overload
    def __and__(self: "Step[object, O]", other: Callable[[X], B]) -> "ParallelStep[X, O, B]": ...
    @overload
    def __and__(self: "Step[X, O]", other: "ParallelStep[X, *Ts]") -> "ParallelStep[X, O, *Ts]": ...
    @overload
    def __and__(self: "Step[X, O]", other: Async[X, B]) -> "ParallelStep[X, O, B]": ...
    @overload
    def __and__(self: "Step[X, O]", other: Callable[[X], B]) -> "ParallelStep[X, O, B]": ...
    @overload
    def __and__(self: "Step[X, O]", other: Agent) -> "ParallelStep[X, O, Answer[Any]]": ...
    def __and__(self, other: Any) -> Any:
        return ParallelStep(joined(Parallel, self, other))

    @overload
    def __rand__(self: "Step[object, O]", other: Async[X, A]) -> "ParallelStep[X, A, O]": ...
    @overload
    def __rand__(self: "Step[object, O]", other: Callable[[X], A]) -> "ParallelStep[X, A, O]": ...
    @overload
    def __rand__(self: "Step[X, O]", other: Async[X, A]) -> "ParallelStep[X, A, O]": ...
    @overload
    def __rand__(self: "Step[X, O]", other: Callable[[X], A]) -> "ParallelStep[X, A, O]": ...
    @overload
    def __rand__(self: "Step[X, O]", other: Agent) -> "ParallelStep[X, Answer[Any], O]": ...
    def __rand__(self, other: Any) -> Any:
        return ParallelStep(joined(Parallel, other, self))

    @overload
    def __or__(self: "Step[object, O]", other: Async[X, B]) -> "Step[X, O | B]": ...
    @overload
    def __or__(self: "Step[object, O]", other: Callable[[X], B]) -> "Step[X, O | B]": ...
    @overload
    def __or__(self: "Step[X, O]", other: Async[X, B]) -> "Step[X, O | B]": ...
    @overload
    def __or__(self: "Step[X, O]", other: Callable[[X], B]) -> "Step[X, O | B]": ...
    @overload
    def __or__(self: "Step[X, O]", other: Agent) -> "Step[X, O | Answer[Any]]": ...
    def __or__(self, other: Any) -> Any:
        return Step(joined(Fallback, self, other))

    @overload
    def __ror__(self: "Step[object, O]", other: Async[X, A]) -> "Step[X, A | O]": ...
    @overload
    def __ror__(self: "Step[object, O]", other: Callable[[X], A]) -> "Step[X, A | O]": ...
    @overload
    def __ror__(self: "Step[X, O]", other: Async[X, A]) -> "Step[X, A | O]": ...
    @overload
    def __ror__(self: "Step[X, O]", other: Callable[[X], A]) -> "Step[X, A | O]": ...
    @overload
    def __ror__(self: "Step[X, O]", other: Agent) -> "Step[X, Answer[Any] | O]": ...
    def __ror__(self, other: Any) -> Any:
        return Step(joined(Fallback, other, self))

    def __mul__(self, n: int) -> "Step[I, O]":
        """Return the step that is tried up to `n` times in all."""
        return self.retry(n)

    # Methods

    def retry(
        self, n: int, *, on: type[Exception] | tuple[type[Exception], ...] = Exception, wait: float = 0.0
    ) -> "Step[I, O]":
        """Return the step that is tried up to `n` times in all where it raises one of `on`, `wait` seconds between."""
        return Step(Retry(self.node, n, on if isinstance(on, tuple) else (on,), wait))

    @overload
    def map(self, f: Async[O, B]) -> "Step[I, B]": ...
    @overload
    def map(self, f: Callable[[O], B]) -> "Step[I, B]": ...
    def map(self, f: Callable[[Any], Any]) -> "Step[I, Any]":
        """Return `self >> f`."""
        return self >> f

    @overload
    def contramap(self, f: Async[A, I]) -> "Step[A, O]": ...
    @overload
    def contramap(self, f: Callable[[A], I]) -> "Step[A, O]": ...
    def contramap(self, f: Callable[[Any], Any]) -> "Step[Any, O]":
        """Return `f >> self`."""
        return Step(joined(Sequence, f, self))

    def fails_when(self, predicate: Callable[[O], bool] | Async[O, bool], why: str = "") -> "Step[I, O]":
        """Return the step that raises Rejected, with the text `why`, where the predicate is true of its output."""
        return Step(Check(self.node, predicate, why))

    def timeout(self, seconds: float) -> "Step[I, O]":
        """Return the step that is cancelled after `seconds` and raises TurnTimeout."""
        return Step(Timeout(self.node, seconds))

    def limit(self, n: int) -> "Step[I, O]":
        """Return the step of which at most `n` calls run at once, in all its uses; the others wait in their order."""
        return Step(limit(self.node, n))

    def each(self, n: int | None = None) -> "Step[Iterable[I], list[O]]":
        """Return the step for a list of inputs, at most `n` at once; the first error cancels the rest."""
        if n is not None:
            positive(n, "each")
        return Step(Each(self.node, n))


class ParallelStep(Step[I, tuple[*Ts]], Generic[I, *Ts]):
    """A step that `&` made: a further `&` makes its tuple longer."""

    __slots__ = ()

    @overload  # type: ignore[override]
    def __and__(
        self: "ParallelStep[X, *Ts]", other: "ParallelStep[X, *tuple[Any, ...]]"
    ) -> "ParallelStep[X, *tuple[Any, ...]]": ...
    @overload
    def __and__(self: "ParallelStep[object, *Ts]", other: Async[X, B]) -> "ParallelStep[X, *Ts, B]": ...
    @overload
    def __and__(self: "ParallelStep[object, *Ts]", other: Callable[[X], B]) -> "ParallelStep[X, *Ts, B]": ...
    @overload
    def __and__(self: "ParallelStep[X, *Ts]", other: Async[X, B]) -> "ParallelStep[X, *Ts, B]": ...
    @overload
    def __and__(self: "ParallelStep[X, *Ts]", other: Callable[[X], B]) -> "ParallelStep[X, *Ts, B]": ...
    @overload
    def __and__(self: "ParallelStep[X, *Ts]", other: Agent) -> "ParallelStep[X, *Ts, Answer[Any]]": ...
    def __and__(self, other: Any) -> Any:
        return super().__and__(other)

    @overload  # type: ignore[override]
    def __rand__(self: "ParallelStep[object, *Ts]", other: Async[X, A]) -> "ParallelStep[X, A, *Ts]": ...
    @overload
    def __rand__(self: "ParallelStep[object, *Ts]", other: Callable[[X], A]) -> "ParallelStep[X, A, *Ts]": ...
    @overload
    def __rand__(self: "ParallelStep[X, *Ts]", other: Async[X, A]) -> "ParallelStep[X, A, *Ts]": ...
    @overload
    def __rand__(self: "ParallelStep[X, *Ts]", other: Callable[[X], A]) -> "ParallelStep[X, A, *Ts]": ...
    @overload
    def __rand__(self: "ParallelStep[X, *Ts]", other: Agent) -> "ParallelStep[X, Answer[Any], *Ts]": ...
    def __rand__(self, other: Any) -> Any:
        return super().__rand__(other)


def as_node(thing: object) -> Node:
    """Return the node of a step, function, agent, tool or dict of them. Raises UsageError for anything else."""
    if isinstance(thing, Step):
        return thing.node
    if isinstance(thing, Agent):
        return Conversing(thing, {})
    if isinstance(thing, Tool):
        return of_tool(thing)
    if isinstance(thing, Mapping):
        return Router({key: as_node(target) for key, target in thing.items()})
    if callable(thing):
        return Function(thing, name_of(thing))
    raise UsageError(f"{thing!r} is no step", hint="a step, function, kt.Agent, tool, or a dict of them")


def joined(kind: type[Several], left: object, right: object) -> Node:
    """Return both in one node of a kind; operands of the same kind are taken apart, so that it stays flat."""
    ends = as_node(left), as_node(right)
    return kind(tuple(part for end in ends for part in (end.inner if type(end) is kind else (end,))))
