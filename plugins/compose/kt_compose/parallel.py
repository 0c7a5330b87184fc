"""What runs several at once: all of them, a race, one for each item."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from kt.errors import UsageError

from .node import AND, CALL, Around, Node, Several
from .run import Run
from .tasks import first, together


class Parallel(Several):
    """Give each node the same value at once; return the tuple of what they return. No text streams from it."""

    __slots__ = ()
    binds: ClassVar[int] = AND

    @property
    def speaks(self) -> bool:
        return False

    async def run(self, value: Any, run: Run) -> tuple[Any, ...]:
        runs = [run.branch() for _ in self.nodes]
        out = await together(node.run(value, own) for node, own in zip(self.nodes, runs, strict=True))
        run.origins.update(*(own.origins for own in runs))
        return tuple(out)

    def __repr__(self) -> str:
        return " & ".join(node.within(AND) for node in self.nodes)


class Race(Several):
    """Return what the first node returns that succeeds; cancel the others and wait for them. No text streams."""

    __slots__ = ()

    @property
    def speaks(self) -> bool:
        return False

    async def run(self, value: Any, run: Run) -> Any:
        async def enter(node: Node) -> tuple[Any, Run]:
            own = run.branch()
            return await node.run(value, own), own

        out, winner = await first(map(enter, self.nodes))
        run.origins |= winner.origins
        return out

    def __repr__(self) -> str:
        return f"race({', '.join(map(repr, self.nodes))})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Each(Around):
    """Run the node for each item, at most `n` at once; return the list, in order. No text streams from it."""

    n: int | None

    @property
    def speaks(self) -> bool:
        return False

    async def run(self, value: Any, run: Run) -> list[Any]:
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise UsageError(f"each: {type(value).__name__} is no list of items", where=repr(self.node))
        items = list(value)
        runs = [run.branch() for _ in items]
        out: list[Any] = [None] * len(items)
        waiting = iter(range(len(items)))

        async def worker() -> None:
            for i in waiting:
                out[i] = await self.node.run(items[i], runs[i])

        await together(worker() for _ in range(min(self.n or len(items), len(items))))
        run.origins.update(*(own.origins for own in runs))
        return out

    def __repr__(self) -> str:
        return f"{self.node.within(CALL)}.each({self.n or ''})"
