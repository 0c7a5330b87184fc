"""What runs at once: parallel steps, races, limits, each; and that nothing of it is left."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kt.errors import UsageError
from kt_compose import pure, race

pytestmark = pytest.mark.anyio
Left = Callable[[], set["asyncio.Task[Any]"]]


def fails(x: object) -> Any:
    raise ValueError(f"no {x}")


def upper(text: str) -> str:
    return text.upper()


class TestParallel:
    async def test_the_first_error_is_raised_itself_when_the_others_have_ended(self, held: Any, left: Left) -> None:
        async def late(x: Any) -> Any:
            await held.began.wait()
            raise KeyError(x)

        with pytest.raises(KeyError):
            await (pure(held) & late & held)(1)
        assert held.ended == ["cancelled", "cancelled"]
        assert left() == set()

    async def test_what_fails_beside_the_first_error_is_noted(self) -> None:
        def broken(x: object) -> Any:
            raise KeyError("too")

        with pytest.raises(ValueError, match="no 1") as caught:
            await (pure(fails) & broken)(1)
        assert caught.value.__notes__ == ["beside it failed: KeyError: 'too'"]

    async def test_a_cancelled_caller_waits_for_all(self, held: Any, left: Left) -> None:
        task = asyncio.ensure_future((pure(held) & (pure(held) & held).named("two"))(1))
        await held.began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert held.ended == ["cancelled"] * 3
        assert left() == set()

    async def test_a_named_pair_is_one_operand(self) -> None:
        pair = (pure(upper) & len).named("pair")
        assert await (pair & len)("a") == (("A", 1), 1)


class TestRace:
    async def test_the_first_to_succeed_wins_and_the_others_have_ended(self, held: Any, left: Left) -> None:
        async def quick(x: Any) -> Any:
            await held.began.wait()
            return "quick"

        assert await race(held, fails, quick)("x") == "quick"
        assert left() == set()
        assert held.ended == ["cancelled"]

    async def test_all_fail_with_the_last_error_and_notes(self) -> None:
        async def last(x: object) -> Any:
            await asyncio.sleep(0)
            raise KeyError("last")

        with pytest.raises(KeyError) as caught:
            await race(last, fails)("x")
        assert caught.value.__notes__ == ["beside it failed: ValueError: no x"]

    async def test_one_that_cancels_itself_loses(self) -> None:
        def gives_up(x: object) -> Any:
            raise asyncio.CancelledError

        assert await race(gives_up, upper)("x") == "X"
        with pytest.raises(asyncio.CancelledError):
            await race(gives_up)("x")


class TestLimit:
    async def test_all_uses_of_a_step_share_its_limit(self, held: Any) -> None:
        one = pure(held).limit(1)
        first, second = asyncio.ensure_future((one >> upper)("a")), asyncio.ensure_future((one >> len)("b"))
        await held.began.wait()
        assert held.begun == ["a"]
        held.go.set()
        assert (await first, await second) == ("A", 1)

    async def test_one_that_is_cancelled_while_it_waits_takes_no_place(self, held: Any) -> None:
        one = pure(held).limit(1)
        tasks = [asyncio.ensure_future(one(x)) for x in "abc"]
        await held.began.wait()
        tasks[1].cancel()
        await asyncio.wait([tasks[1]])
        held.go.set()
        assert (await tasks[0], await tasks[2]) == ("a", "c")
        assert held.begun == ["a", "c"]


def test_a_pipeline_with_limits_serves_one_loop_after_the_other() -> None:
    async def slow(x: int) -> int:
        await asyncio.sleep(0)
        return x

    step = pure(slow).limit(1).each()
    for _ in range(2):
        assert asyncio.run(step([1, 2, 3])) == [1, 2, 3]


class TestEach:
    async def test_an_error_cancels_the_rest_and_starts_no_more(self, held: Any) -> None:
        async def work(x: int) -> Any:
            if x == 1:
                await held.began.wait()
                fails(x)
            return await held(x)

        with pytest.raises(ValueError, match="no 1"):
            await pure(work).each(2)([0, 1, 2, 3])
        assert (held.begun, held.ended) == ([0], ["cancelled"])

    async def test_a_text_is_no_list(self) -> None:
        with pytest.raises(UsageError, match="str is no list of items"):
            await pure(upper).each()("abc")
        assert await pure(upper).each()(iter("ab")) == ["A", "B"]
