"""What each operator and method of a step does, at its edges."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kt import Context, tool
from kt.errors import TurnTimeout, UsageError
from kt_compose import Rejected, Step, StepEnded, StepFailed, StepRecovered, StepStarted, pure, race

pytestmark = pytest.mark.anyio


def fails(x: object) -> Any:
    raise ValueError(f"no {x}")


def upper(text: str) -> str:
    return text.upper()


async def test_functions_wrap_themselves_on_both_sides() -> None:
    assert await (upper >> pure(str.strip))(" a ") == "A"
    assert await (fails | pure(upper))("a") == "A"
    assert await (upper & pure(len))("a") == ("A", 1)
    assert await (str.strip & pure(upper) & len)("a ") == ("a", "A ", 2)
    assert await ({"a": upper} >> pure(len))("a") == 1
    assert repr(upper >> pure(len) | fails) == "pure(upper) >> pure(len) | pure(fails)"


async def test_a_callable_object_and_a_tool_are_functions() -> None:
    @tool
    def shout(text: str) -> str:
        """Shout."""
        return text + "!"

    @tool(name="pause", blocking=True)
    def wait(text: str) -> str:
        """Wait in a thread, where no loop runs."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return text + " in a thread"
        return text

    assert await (shout >> pure(wait))("hey") == "hey! in a thread"
    assert repr(pure(shout) >> wait) == "pure(shout) >> pure(pause)"


def test_a_tool_that_wants_a_context_is_refused() -> None:
    @tool
    def look(ctx: Context, text: str) -> str:
        """Look."""
        return text

    with pytest.raises(UsageError, match="wants a kt"):
        pure(upper) >> look


@pytest.mark.parametrize(
    "make",
    [
        lambda step: step >> 3,
        lambda step: step | None,
        lambda step: step >> {"a": 1},
        lambda step: step * 0,
        lambda step: step * True,
        lambda step: step * 2.0,
        lambda step: step.limit(0),
        lambda step: step.each(0),
        lambda step: step.iterate("a", max=0),
        lambda step: step.retry(2, on=(asyncio.CancelledError,)),
        lambda step: race(),
    ],
)
def test_what_makes_no_step_is_refused_where_it_is_written(make: Callable[[Any], Any]) -> None:
    with pytest.raises(UsageError):
        make(pure(upper))


async def test_steps_are_immutable_and_operators_leave_their_operands_alone() -> None:
    step = pure(upper)
    _ = step >> len, step & len, step | len, step * 2
    assert repr(step) == "pure(upper)"
    with pytest.raises(AttributeError):
        step.node = None  # type: ignore[misc, assignment]


async def test_a_repr_has_parentheses_where_python_wants_them() -> None:
    a = pure(upper)
    step = ((a | fails) >> len) * 2 & (a >> len).timeout(2)
    assert repr(step) == "((pure(upper) | pure(fails)) >> pure(len)) * 2 & (pure(upper) >> pure(len)).timeout(2)"
    assert repr(a >> {"x": a, ...: fails}) == "pure(upper) >> {'x': pure(upper), ...: pure(fails)}"
    assert repr((a | len).retry(2, on=KeyError)) == "(pure(upper) | pure(len)).retry(2, on=(KeyError,), wait=0)"
    assert repr(a.limit(2) * 2 * 3 >> (a >> len).named("size")) == (
        "pure(upper).limit(2) * 2 * 3 >> (pure(upper) >> pure(len)).named('size')"
    )
    assert (a >> len).named("size").name == "size"


class TestRouter:
    async def test_the_value_is_stripped_to_its_key_and_goes_on_whole(self) -> None:
        router = pure(str) >> {"bug": lambda x: f"fix<{x}>", ...: lambda x: f"other<{x}>"}
        assert await router(" bug\n") == "fix< bug\n>"
        assert await router("what?") == "other<what?>"

    async def test_of_a_pair_the_second_goes_on(self) -> None:
        route = (pure(str.strip) & (lambda text: text)) >> {"bug": len, ...: upper}
        assert await route("bug  ") == 5
        assert await route("cow ") == "COW "

    async def test_what_has_no_hash_goes_to_the_default(self) -> None:
        assert await (pure(list) >> {"a": len, ...: sorted})("cab") == ["a", "b", "c"]

    async def test_an_unknown_key_names_the_known_ones(self) -> None:
        with pytest.raises(UsageError, match="no route for 'x'") as caught:
            await (pure(str) >> {"bug": upper, "question": upper})("x")
        assert caught.value.where == "routes: 'bug', 'question'"


class TestErrors:
    async def test_a_fallback_gets_the_same_input(self) -> None:
        assert await (pure(upper) >> fails | upper)("a") == "A"

    async def test_no_fallback_and_no_retry_for_what_is_no_exception(self) -> None:
        calls = []

        def stops(x: object) -> Any:
            calls.append(x)
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await ((pure(stops) | upper) * 3)("a")
        assert calls == ["a"]

    async def test_retry_only_on_what_is_named(self) -> None:
        calls = []

        def fails_first(x: str) -> str:
            calls.append(x)
            raise (KeyError if len(calls) == 1 else ValueError)(x)

        with pytest.raises(ValueError, match="a"):
            await pure(fails_first).retry(5, on=KeyError, wait=0.001)("a")
        assert len(calls) == 2

    async def test_a_check_that_fails_carries_the_output(self) -> None:
        async def short(text: str) -> bool:
            return len(text) < 3

        step = pure(upper).fails_when(short, why="too short")
        assert await step("long") == "LONG"
        with pytest.raises(Rejected, match="too short") as caught:
            await step("a")
        assert (caught.value.value, caught.value.where) == ("A", "upper")
        assert await (step | len)("a") == 1

    async def test_a_timeout_cancels_and_waits(self, held: Any) -> None:
        with pytest.raises(TurnTimeout, match=r"longer than 0\.01 s"):
            await pure(held).timeout(0.01)("a")
        assert held.ended == ["cancelled"]
        assert await (pure(held).timeout(0.01) | upper)("a") == "A"

    async def test_a_timeout_of_the_step_itself_is_its_own(self) -> None:
        def times_out(x: object) -> Any:
            raise TimeoutError("mine")

        with pytest.raises(TimeoutError, match="mine"):
            await pure(times_out).timeout(600)("a")

    async def test_a_timeout_holds_after_a_parallel_step_failed_in_it(self, held: Any) -> None:
        step = ((pure(fails) & fails) | held).timeout(0.01)
        with pytest.raises(TurnTimeout):
            await step("a")


class TestIterate:
    async def test_it_ends_with_the_output_that_is_enough(self) -> None:
        double: Step[int, int] = pure(lambda x: x * 2)
        assert [x async for x in double.iterate(1, until=lambda x: x > 5)] == [2, 4, 8]
        assert [x async for x in double.iterate(1, max=2)] == [2, 4]

    async def test_feed_replaces_the_next_input(self) -> None:
        double: Step[int, int] = pure(lambda x: x * 2)
        outs = []
        async with asyncio.timeout(60):
            rounds = double.iterate(1, max=3)
            async for out in rounds:
                outs.append(out)
                if out == 2:
                    rounds.feed(100)
        assert outs == [2, 200, 400]


async def test_events_tell_each_step_with_its_name_and_call() -> None:
    seen: list[Any] = []
    step = (pure(fails) | upper).named("first") >> (pure(len) & upper)
    assert await step("a", on_event=seen.append) == (1, "A")
    told = [(type(e).__name__, e.step, e.call) for e in seen]
    assert told[:7] == [
        ("StepStarted", "first", 1),
        ("StepStarted", "fails", 2),
        ("StepFailed", "fails", 2),
        ("StepRecovered", "fails", 0),
        ("StepStarted", "upper", 3),
        ("StepEnded", "upper", 3),
        ("StepEnded", "first", 1),
    ]
    assert {(type(e), e.step) for e in seen[7:]} == {
        (StepStarted, "len"), (StepEnded, "len"), (StepStarted, "upper"), (StepEnded, "upper"),
    }  # fmt: skip
    assert isinstance(seen[2], StepFailed)
    assert isinstance(seen[3], StepRecovered)
    assert str(seen[2].error) == "no a"


async def test_a_listener_that_raises_changes_nothing() -> None:
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, report: told.append(report["exception"]))
    assert await (pure(upper) * 3)("a", on_event=fails) == "A"
    assert [type(error) for error in told] == [ValueError] * 2
