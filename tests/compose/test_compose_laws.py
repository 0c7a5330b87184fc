"""Laws of the algebra: random pipelines do what a plain recursive interpreter says; the operators keep their laws."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from kt_compose import Rejected, Step, pure, race

FAILED = "failed"
Outcome: TypeAlias = Any


class Boom(Exception):
    pass


def boom(x: int) -> int:
    raise Boom(str(x))


def odd(x: int) -> bool:
    return x % 2 == 1


def picky(x: int) -> int:
    if x % 3 == 0:
        raise Boom(str(x))
    return x * 2


async def slow(x: int) -> int:
    for _ in range(x % 4):
        await asyncio.sleep(0)
    return x + 1


async def slow_boom(x: int) -> int:
    await asyncio.sleep(0)
    raise Boom(str(x))


def same(x: Any) -> Any:
    return x


def pair(x: int) -> tuple[int, int]:
    return x % 3, x


def both(x: int) -> list[int]:
    return [x, x + 1]


FUNCTIONS: dict[str, Callable[[int], Any]] = {
    f.__name__: f for f in (boom, picky, slow, slow_boom, same, odd, pair, both, sum)
}
NAMES: dict[str, Any] = {**FUNCTIONS, "pure": pure, "race": race}


@dataclass(frozen=True)
class Tree:
    """An expression: a sort, its numbers, and what it is made of."""

    sort: str
    parts: tuple["Tree", ...] = ()
    n: int = 1

    def step(self) -> Step[Any, Any]:
        """Return the pipeline."""
        if self.sort in FUNCTIONS:
            return pure(FUNCTIONS[self.sort])
        first, *rest = made = [part.step() for part in self.parts]
        joins: dict[str, Callable[[Any, Any], Any]] = {
            ">>": lambda a, b: a >> b, "|": lambda a, b: a | b, "&": lambda a, b: a & b,
        }  # fmt: skip
        if self.sort in joins:
            for other in rest:
                first = joins[self.sort](first, other)
            return first >> sum if self.sort == "&" else first
        return {
            "*": lambda: first * self.n,
            "limit": lambda: first.limit(self.n),
            "timeout": lambda: first.timeout(600),
            "named": lambda: first.named("x"),
            "check": lambda: first.fails_when(odd),
            "race": lambda: race(first, first),
            "each": lambda: pure(both) >> first.each(self.n) >> sum,
            "route": lambda: pair >> pure(same) >> {0: made[0], 1: made[1], ...: made[2]},
        }[self.sort]()

    def plain(self, x: int) -> Outcome:
        """Return what the expression makes of a number, without the algebra; None where it fails."""
        match self.sort:
            case "boom" | "slow_boom":
                return None
            case "picky":
                return None if x % 3 == 0 else x * 2
            case "slow":
                return x + 1
            case "same":
                return x
            case ">>":
                for part in self.parts:
                    if (x := part.plain(x)) is None:
                        return None
                return x
            case "|":
                return next((out for part in self.parts if (out := part.plain(x)) is not None), None)
            case "&":
                outs = [part.plain(x) for part in self.parts]
                return None if None in outs else sum(outs)
            case "each":
                outs = [self.parts[0].plain(n) for n in (x, x + 1)]
                return None if None in outs else sum(outs)
            case "route":
                return self.parts[min(x % 3, 2)].plain(x)
            case "check":
                out = self.parts[0].plain(x)
                return None if out is None or odd(out) else out
            case _:
                return self.parts[0].plain(x)


leaves = st.sampled_from(["boom", "slow_boom", "picky", "slow", "same"]).map(Tree)


def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    joined = st.builds(Tree, st.sampled_from([">>", "|", "&"]), several)
    one = st.tuples(inner)
    around = st.builds(
        Tree, st.sampled_from(["*", "limit", "timeout", "named", "check", "race", "each"]), one, st.integers(1, 3)
    )
    return joined | around | st.builds(Tree, st.just("route"), st.tuples(inner, inner, inner))


trees = st.recursive(leaves, grown, max_leaves=8)
steps = trees.map(Tree.step)
numbers = st.integers(0, 20)


def outcome(step: Step[Any, Any], x: Any) -> Outcome:
    """Run a pipeline; nothing of it may be left."""

    async def run() -> Outcome:
        try:
            return await step(x)
        except (Boom, Rejected):
            return FAILED
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return asyncio.run(run())


law = settings(max_examples=60, deadline=None)


@given(trees, numbers)
@settings(max_examples=300, deadline=None)
def test_a_pipeline_does_what_the_interpreter_says(tree: Tree, x: int) -> None:
    expected = tree.plain(x)
    assert outcome(tree.step(), x) == (FAILED if expected is None else expected)


@given(steps, numbers)
@law
def test_a_repr_is_the_expression(step: Step[Any, Any], x: int) -> None:
    again = eval(repr(step), dict(NAMES))
    assert repr(again) == repr(step)
    assert outcome(again, x) == outcome(step, x)


@given(steps, numbers)
@law
def test_identity(step: Step[Any, Any], x: int) -> None:
    assert outcome(pure(same) >> step, x) == outcome(step, x) == outcome(step >> pure(same), x)


@given(steps, steps, steps, numbers)
@law
def test_sequence_parallel_and_fallback_are_associative(
    a: Step[Any, Any], b: Step[Any, Any], c: Step[Any, Any], x: int
) -> None:
    assert outcome((a >> b) >> c, x) == outcome(a >> (b >> c), x)
    assert outcome((a | b) | c, x) == outcome(a | (b | c), x)
    left, right = outcome((a & b) & c, x), outcome(a & (b & c), x)
    assert left == right
    assert left == FAILED or len(left) == 3


@given(steps, numbers)
@law
def test_maps_fuse_and_contramap_is_a_map_before(step: Step[Any, Any], x: int) -> None:
    assert outcome(step.map(picky).map(slow), x) == outcome(step >> (pure(picky) >> slow), x)
    assert outcome(step.contramap(slow), x) == outcome(step, x + 1)
    assert outcome(step.contramap(picky).contramap(slow), x) == outcome(step.contramap(slow >> pure(picky)), x)


@given(steps, numbers)
@law
def test_one_attempt_is_none_more_and_attempts_multiply(step: Step[Any, Any], x: int) -> None:
    assert outcome(step * 1, x) == outcome(step, x) == outcome(step * 2 * 2, x)


@given(steps, numbers)
@law
def test_what_fails_is_the_identity_of_fallback_and_what_succeeds_its_end(step: Step[Any, Any], x: int) -> None:
    assert outcome(pure(boom) | step, x) == outcome(step, x) == outcome(step | boom, x)
    assert outcome(pure(same) | step, x) == x
    assert outcome(race(boom, step), x) == outcome(step, x) == outcome(race(step), x)


@given(st.lists(trees, min_size=2, max_size=4), numbers)
@law
def test_parallel_is_the_tuple_of_each_in_any_order(several: list[Tree], x: int) -> None:
    def together(order: list[Tree]) -> Outcome:
        first, *rest = [tree.step().named("operand") for tree in order]
        whole: Any = first
        for step in rest:
            whole = whole & step
        return outcome(whole, x)

    expected = [tree.plain(x) for tree in several]
    assert together(several) == (FAILED if None in expected else tuple(expected))
    assert together(several[::-1]) == (FAILED if None in expected else tuple(expected[::-1]))


@given(st.dictionaries(numbers, steps, max_size=4), steps, numbers, numbers)
@law
def test_a_router_is_the_direct_call(
    routes: dict[int, Step[Any, Any]], default: Step[Any, Any], key: int, x: int
) -> None:
    router = pure(same) >> {**routes, ...: default}
    assert outcome(router, (key, x)) == outcome(routes.get(key, default), x)
    assert outcome(router, key) == outcome(routes.get(key, default), key)


@given(st.integers(0, 6), st.integers(1, 6), numbers)
@law
def test_a_retry_makes_as_many_attempts_as_it_needs_and_no_more(failures: int, n: int, x: int) -> None:
    calls: list[int] = []

    def flaky(value: int) -> int:
        calls.append(value)
        return boom(value) if len(calls) <= failures else value

    assert outcome(pure(flaky) * n, x) == (x if failures < n else FAILED)
    assert calls == [x] * min(n, failures + 1)


@given(trees, st.integers(1, 4), st.lists(numbers, max_size=12))
@law
def test_each_is_a_list_of_the_calls_whatever_its_limit(tree: Tree, n: int, items: list[int]) -> None:
    expected = [tree.plain(x) for x in items]
    for step in (tree.step().each(n), tree.step().each(), tree.step().limit(n).each()):
        assert outcome(step, items) == (FAILED if None in expected else expected)


@given(st.integers(1, 5), st.lists(numbers, max_size=20))
@law
def test_a_limit_is_never_exceeded_is_used_up_and_loses_none(n: int, items: list[int]) -> None:
    now, most, order = 0, 0, list[int]()

    async def counted(x: int) -> int:
        nonlocal now, most
        order.append(x)
        now += 1
        most = max(most, now)
        await slow(3)
        now -= 1
        return x

    limited = pure(counted).limit(n)
    assert outcome((limited.each() & limited.each()).map(lambda two: two[0] + two[1]), items) == items * 2
    assert most == min(n, 2 * len(items))
    assert order == items * 2


@given(numbers, st.integers(1, 8))
@law
def test_an_iteration_is_the_step_composed_with_itself(x: int, n: int) -> None:
    async def run() -> list[int]:
        return [out async for out in pure(slow).iterate(x, max=n)]

    composed: Step[int, int] = pure(slow)
    outs = []
    for _ in range(n):
        outs.append(outcome(composed, x))
        composed = composed >> slow
    assert asyncio.run(run()) == outs
