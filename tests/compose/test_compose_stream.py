"""Text that streams from a pipeline, and the events of its stages."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kt import Message, Request, Text, ToolCall, tool
from kt.errors import ModelError, UsageError
from kt.events import TextDelta, TurnEnded
from kt.testing import ScriptedLLM, running
from kt_compose import Answer, Step, StepSaid, agent, pure, race

pytestmark = pytest.mark.anyio
Left = Callable[[], set["asyncio.Task[Any]"]]


def scripted(steps: Any, name: str, **options: Any) -> Step[object, Answer[None]]:
    return agent({"name": name}, llm=ScriptedLLM(steps), **options)


async def pieces(step: Step[Any, Any], value: object = "x") -> tuple[list[tuple[str, str]], str, Any]:
    """Return (whose, piece) of each piece with "<<" for one that makes void, the text at the end, and the value."""
    async with step as open, open.stream(value) as stream:
        said = [(piece.step, "<<" if piece.restarts else str(piece)) async for piece in stream]
        return said, stream.text, stream.value


async def test_the_last_stage_that_speaks_streams() -> None:
    step = scripted(["one two"], "a") >> str.upper >> scripted(["three four"], "b") >> len
    assert await pieces(step) == ([("b", "three "), ("b", "four")], "three four", 10)
    assert await pieces(pure(str.upper) >> len) == ([], "", 1)


async def test_no_text_of_what_runs_at_once() -> None:
    a, b = scripted(lambda request: "a", "a"), scripted(lambda request: "b", "b")
    for step in (a & b, race(a, a), a.each(), (a & b) >> str):
        said, text, _ = await pieces(step, ["x"])
        assert (said, text) == ([], "")


async def test_a_route_that_does_not_speak_leaves_the_router_the_speaker() -> None:
    def routed(choice: str) -> Step[Any, Any]:
        return scripted([choice], "classify") >> {"q": scripted(["an answer"], "b"), "bug": len}

    assert await pieces(routed("q")) == ([("b", "an "), ("b", "answer")], "an answer", "an answer")
    assert await pieces(routed("bug")) == ([], "", 3)


async def test_a_fallback_and_a_retry_make_void_what_was_said() -> None:
    class Dying(ScriptedLLM):
        async def stream(self, request: Request) -> Any:
            yield "half "
            raise ModelError("died")

    dying = agent({"name": "dying"}, llm=Dying())
    half = [("dying", "half "), ("dying", "<<")]
    said, text, value = await pieces((dying * 2).named("dying") | scripted(["whole"], "b"))
    assert said == [*half, *half, ("b", "whole")]
    assert (text, value) == ("whole", "whole")
    said, text, value = await pieces(agent({"name": "dying"}, llm=Dying()) | len)
    assert (said, text, value) == (half, "", 1)


async def test_a_further_reply_of_the_turn_makes_void_the_one_before() -> None:
    @tool
    def look() -> str:
        """Look."""
        return "an owl"

    class Talking(ScriptedLLM):
        """Say something beside a call."""

        async def stream(self, request: Request) -> Any:
            if len(request.messages) > 1:
                yield "an owl"
                yield Message("assistant", [Text("an owl")], finish="stop")
            else:
                yield "let me look"
                call = ToolCall("1", "look", "{}")
                yield Message("assistant", [Text("let me look"), call], finish="tool_calls")

    said, text, value = await pieces(agent({"name": "a"}, llm=Talking(), tools=[look]))
    assert said == [("a", "let me look"), ("a", "<<"), ("a", "an owl")]
    assert text == value == "an owl"


async def test_an_error_is_raised_by_the_loop_and_by_value() -> None:
    step = scripted(["said"], "a") >> (lambda text: int(text))
    async with step as open, open.stream("x") as stream:
        with pytest.raises(ValueError, match="invalid literal"):
            async for _ in stream:
                pass
        with pytest.raises(ValueError, match="invalid literal"):
            _ = stream.value
        assert stream.text == "said"


async def leave_with_an_error(step: Step[Any, Any], when: asyncio.Event) -> None:
    async with step.stream("y"):
        await when.wait()
        raise KeyError("mine")


async def test_leaving_early_cancels_the_run_and_waits_for_it(left: Left) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def endless(request: Request) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    async with running(["a b c", endless]) as bee:
        step = agent(bee)
        async with step.stream("x") as stream:
            async for piece in stream:
                assert piece == "a "
                break
            with pytest.raises(UsageError, match="has no value"):
                _ = stream.value
        assert left() == set()
        assert bee.turn is None
        with pytest.raises(KeyError):
            await leave_with_an_error(step >> len, asked)
        assert left() == set()
    assert ended.is_set()


async def test_a_cancelled_reader_waits_for_the_run(left: Left) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def endless(request: Request) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    async def read() -> None:
        async with scripted(endless, "a") as step, step.stream("x") as stream:
            async for _ in stream:
                pass

    reader = asyncio.ensure_future(read())
    await asked.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert ended.is_set()
    assert left() == set()


async def test_a_stream_must_be_entered() -> None:
    stream = pure(len).stream("x")
    with pytest.raises(UsageError, match="not entered"):
        await anext(stream)
    with pytest.raises(UsageError, match="has no value"):
        _ = stream.value


async def test_events_of_all_stages_come_with_their_names() -> None:
    heard: list[Any] = []
    step = scripted(["one two"], "first") >> (scripted(["three"], "left") & scripted(["four"], "right"))
    async with step as open:
        await open("x", on_event=heard.append)
    said = [e for e in heard if isinstance(e, StepSaid)]
    texts = [(e.step, e.event.text) for e in said if isinstance(e.event, TextDelta)]
    assert sorted(texts) == [("first", "one "), ("first", "two"), ("left", "three"), ("right", "four")]
    assert sorted(e.step for e in said if isinstance(e.event, TurnEnded)) == ["first", "left", "right"]
    assert {e.call for e in said if e.step == "left"} != {e.call for e in said if e.step == "right"}
