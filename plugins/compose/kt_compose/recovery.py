"""What reacts to errors, and what raises them: fallback, retry, check, timeout."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from kt import KTError
from kt.errors import TurnTimeout, UsageError

from .events import StepRecovered
from .node import CALL, OR, TIMES, Around, Node, Several, name_of
from .run import Run
from .stages import positive


class Rejected(KTError):
    """Say that a step's output failed a check; `value` is that output."""

    code = "E-REJECTED"

    def __init__(self, what: str, *, where: str = "", hint: str = "", value: object = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.value = value


def recover(node: Node, run: Run, error: Exception) -> None:
    """Go on after an error: what was said is void."""
    run.restart(name_of(node))
    run.tell(StepRecovered, name_of(node), 0, error)


class Fallback(Several):
    """Return what the first node returns that does not raise; each gets the same value."""

    __slots__ = ()
    binds: ClassVar[int] = OR

    async def run(self, value: Any, run: Run) -> Any:
        *first, last = self.nodes
        for node in first:
            try:
                return await node.run(value, run)
            except Exception as error:
                recover(node, run, error)
        return await last.run(value, run)

    def __repr__(self) -> str:
        return " | ".join(node.within(OR) for node in self.nodes)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Retry(Around):
    """Run the node until it does not raise one of `on`, `n` times in all, with `wait` seconds between."""

    n: int
    on: tuple[type[Exception], ...] = (Exception,)
    wait: float = 0.0
    binds: ClassVar[int] = TIMES

    def __post_init__(self) -> None:
        positive(self.n, "attempts")
        for kind in self.on:
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                raise UsageError(f"on: {kind!r} is no subclass of Exception", where="retry")

    async def run(self, value: Any, run: Run) -> Any:
        for _ in range(self.n - 1):
            try:
                return await self.node.run(value, run)
            except self.on as error:
                recover(self.node, run, error)
            await asyncio.sleep(self.wait)
        return await self.node.run(value, run)

    def __repr__(self) -> str:
        if self.on == (Exception,) and not self.wait:
            return f"{self.node.within(TIMES)} * {self.n}"
        on = ", ".join(kind.__name__ for kind in self.on)
        return f"{self.node.within(CALL)}.retry({self.n}, on=({on},), wait={self.wait:g})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Check(Around):
    """Raise Rejected where the predicate, sync or async, is true of the node's output."""

    predicate: Callable[[Any], Any]
    why: str

    async def run(self, value: Any, run: Run) -> Any:
        out = await self.node.run(value, run)
        failed = self.predicate(out)
        if await failed if inspect.isawaitable(failed) else failed:
            what = self.why or f"the output failed the check {name_of(self.predicate)}"
            raise Rejected(what, where=name_of(self.node), value=out)
        return out

    def __repr__(self) -> str:
        return f"{self.node.within(CALL)}.fails_when({name_of(self.predicate)})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Timeout(Around):
    """Cancel the node after `seconds`, and raise TurnTimeout."""

    seconds: float

    async def run(self, value: Any, run: Run) -> Any:
        try:
            async with asyncio.timeout(self.seconds) as scope:
                return await self.node.run(value, run)
        except TimeoutError:
            if not scope.expired():
                raise
        raise TurnTimeout(f"the step took longer than {self.seconds:g} s", where=name_of(self.node))

    def __repr__(self) -> str:
        return f"{self.node.within(CALL)}.timeout({self.seconds:g})"
