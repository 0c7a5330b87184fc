"""Types of pipelines, for mypy: test_compose_typing.py runs it, and changes it so that it must fail."""

from dataclasses import dataclass
from typing import Any, assert_type

from kt import Agent
from kt_compose import Answer, ParallelStep, Piece, Step, agent, factory, pure, race


@dataclass
class Bird:
    wings: int


def length(text: str) -> int:
    return len(text)


async def double(n: int) -> float:
    return n * 2.0


def shown(x: object) -> str:
    return str(x)


def functions() -> None:
    assert_type(pure(length), Step[str, int])
    assert_type(pure(double), Step[int, float])
    assert_type(pure(length) >> pure(double), Step[str, float])
    assert_type(pure(length) >> double, Step[str, float])
    assert_type(length >> pure(double), Step[str, float])
    assert_type(pure(length) | pure(str.strip), Step[str, int | str])
    assert_type(pure(length) * 3, Step[str, int])
    assert_type(pure(length).map(double).map(shown), Step[str, str])
    assert_type(pure(double).contramap(length), Step[str, float])
    assert_type(pure(length).timeout(1).limit(2).retry(3).fails_when(bool).named("n"), Step[str, int])
    assert_type(pure(shown) >> {"a": pure(length), "b": pure(length)}, Step[object, int])
    assert_type(race(pure(length), pure(length)), Step[str, int])


def lambdas() -> None:
    assert_type(pure(length) >> (lambda n: n + 1), Step[str, int])
    assert_type(pure(length).map(lambda n: [n]), Step[str, list[int]])
    assert_type(pure(length) | (lambda text: text.strip()), Step[str, int | str])
    number: Step[str, int] = pure(lambda text: len(text))
    assert_type(number, Step[str, int])
    assert_type(pure(length).fails_when(lambda n: n > 3), Step[str, int])
    assert_type(agent("general") >> (lambda answer: answer.result.text), Step[object, str])


def takes_more(any_text: Step[object, str]) -> None:
    """A step that takes anything, as agents do, beside one that takes a str."""
    two = pure(length) & length
    assert_type(any_text & length, ParallelStep[str, str, int])
    assert_type(length & any_text, ParallelStep[str, int, str])
    assert_type(any_text & pure(length), ParallelStep[str, str, int])
    assert_type(pure(length) & any_text, ParallelStep[str, int, str])
    assert_type(any_text & two, ParallelStep[str, str, int, int])
    assert_type(two & any_text, ParallelStep[str, int, int, str])
    assert_type((any_text & any_text) & length, ParallelStep[str, str, str, int])
    assert_type(length & (any_text & any_text), ParallelStep[str, int, str, str])
    assert_type(length & two, ParallelStep[str, int, int, int])
    assert_type(any_text | length, Step[str, str | int])
    assert_type(length | any_text, Step[str, int | str])


def parallel() -> None:
    two = pure(length) & pure(str.strip)
    assert_type(two, ParallelStep[str, int, str])
    assert_type(two & pure(length), ParallelStep[str, int, str, int])
    assert_type(pure(length) & two, ParallelStep[str, int, int, str])
    assert_type(pure(length) & str.strip & length, ParallelStep[str, int, str, int])
    assert_type(length & pure(shown), ParallelStep[str, int, str])
    assert_type(two.named("both") & length, ParallelStep[str, tuple[int, str], int])
    step: Step[str, tuple[int, str]] = two
    assert_type(step.map(lambda pair: pair[0]), Step[str, int])


def agents(started: Agent) -> None:
    assert_type(agent("general"), Step[object, Answer[None]])
    assert_type(agent("general", output_type=Bird), Step[object, Answer[Bird]])
    assert_type(factory("general", output_type=Bird).map(lambda a: a.output.wings), Step[object, int])
    assert_type(agent(started), Step[object, Answer[Any]])
    assert_type(pure(length) >> agent("general"), Step[str, Answer[None]])
    assert_type(agent("general") >> length, Step[object, int])
    assert_type(pure(length) >> started, Step[str, Answer[Any]])
    assert_type(agent("general") & pure(length), ParallelStep[str, Answer[None], int])
    text: Step[str, str] = agent("general")
    assert_type(text >> length, Step[str, int])


async def runs() -> None:
    assert_type(await pure(length)("abc"), int)
    lengths: Step[Any, list[int]] = pure(length).each(2)
    assert_type(await lengths(["a"]), list[int])
    async with pure(length).stream("abc") as stream:
        async for piece in stream:
            assert_type(piece, Piece)
        assert_type(stream.value, int)
    async for out in pure(shown).iterate("a", until=bool, max=3):
        assert_type(out, str)
    async with pure(length) & pure(length) as pipeline:
        assert_type(await pipeline("a"), tuple[int, int])
