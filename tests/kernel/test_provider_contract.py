"""Providers that do not behave: whatever they do is a typed error of the model, and never a broken agent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import kt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kt import Host, Message, Request, Text, ToolCall, tool
from kt.errors import KeyRefused, ModelError, StoreError
from kt.testing import ScriptedLLM, running

pytestmark = pytest.mark.anyio


class RaisesAtOnce:
    """A provider whose `stream` is a plain function and fails before there is an iterator."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def stream(self, request: Request) -> AsyncIterator[Message]:
        raise self.error


async def test_an_exception_before_the_iterator_is_a_model_error_too() -> None:
    async with running(RaisesAtOnce(ConnectionError("refused"))) as agent:
        result = await agent.run("hi")
        assert type(result.error) is ModelError
        assert str(result.error) == "ConnectionError: refused"


async def test_a_typed_error_before_the_iterator_stays_what_it_is() -> None:
    async with running(RaisesAtOnce(KeyRefused("no key"))) as agent:
        result = await agent.run("hi")
        assert type(result.error) is KeyRefused
        assert result.exit_code == 77


async def test_a_provider_without_an_async_iterator_is_a_model_error() -> None:
    class Lists:
        def stream(self, request: Request) -> Any:
            return [Message("assistant", [Text("hi")])]

    async with running(Lists()) as agent:
        assert type((await agent.run("hi")).error) is ModelError


async def test_an_iterator_without_aclose_will_do() -> None:
    class Once:
        def __init__(self) -> None:
            self.items: list[Any] = ["a ", "b", Message("assistant", [Text("a b")])]

        def stream(self, request: Request) -> "Once":
            return self

        def __aiter__(self) -> "Once":
            return self

        async def __anext__(self) -> Any:
            if not self.items:
                raise StopAsyncIteration
            return self.items.pop(0)

    async with running(Once()) as agent:
        assert (await agent.run("hi")).text == "a b"


ids = st.lists(st.sampled_from(["", "a", "b", "call_1_0", "call_1_1", "call_2_0", "call_2_1"]), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(ids, min_size=1, max_size=2))
@example([["call_1_1", ""]])
def test_call_ids_become_distinct_whatever_the_model_gives(
    valid: Callable[[Sequence[Message]], None], replies: list[list[str]]
) -> None:
    @tool
    def echo(n: int) -> str:
        return str(n)

    async def main() -> None:
        script: list[Any] = [
            Message("assistant", [ToolCall(id, "echo", f'{{"n": {n}}}') for n, id in enumerate(reply)])
            for reply in replies
        ]
        async with running([*script, "done"], tools=[echo]) as agent:
            result = await agent.run("go")
            assert result.ok
            valid(agent.history)
            assert [c.result for c in result.tool_calls] == [str(n) for reply in replies for n in range(len(reply))]

    asyncio.run(main())


class Disk:
    """A log whose `durable` raises from the given time on."""

    lasting = True

    def __init__(self, error: Exception, after: int) -> None:
        self.error, self.left, self.seq = error, after, 0

    def append(self, record: Any) -> int:
        self.seq += 1
        return self.seq

    async def durable(self) -> None:
        self.left -= 1
        if self.left == -1:
            raise self.error


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("error", [StoreError("disk full"), OSError("disk full")])
async def test_a_store_that_fails_at_any_point_ends_the_turn_and_leaves_a_usable_agent(
    host: Host, valid: Callable[[Sequence[Message]], None], error: Exception, after: int
) -> None:
    @tool
    def act() -> str:
        return "done"

    llm = ScriptedLLM(lambda request: "ok" if request.messages[-1].role == "tool" else [("act", {})])
    async with running(llm, tools=[act], host=host, log=Disk(error, after)) as agent:
        result = await agent.run("go")
        assert result.status == "failed"
        assert isinstance(result.error, kt.KTError)
        assert "disk full" in str(result.error)
        assert agent.turn is None
        valid(agent.history)
        assert (await agent.run("again")).ok
