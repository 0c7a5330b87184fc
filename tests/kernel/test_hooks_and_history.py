"""Whatever a hook does at a turn's end, the history is valid and the turn's status is true."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import pytest
from kt import Agent, Message, Text, ToolCall, ToolResult, TurnResult, hookimpl
from kt.errors import ModelError
from kt.testing import running

pytestmark = pytest.mark.anyio
Next = Callable[[Any], Awaitable[Any]]
Check = Callable[[Sequence[Message]], None]


async def sleepy() -> None:
    await asyncio.Event().wait()


SLEEP: Any = [("sleepy", {})]


class GivesUp:
    """Ends the turn with a result of its own while a call is open."""

    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> TurnResult:
        with anyio.move_on_after(0.01):
            result: TurnResult = await next(turn)
            return result
        return TurnResult(text="that took too long")


async def test_a_result_given_while_a_call_is_open_closes_the_call(valid: Check) -> None:
    async with running([SLEEP, "next"], tools=[sleepy], plugins=[GivesUp]) as agent:
        result = await agent.run("go")
        assert (result.ok, result.text) == (True, "that took too long")
        valid(agent.history)
        assert (await agent.run("again")).text == "next"
        valid(agent.history)


class TriesAgain:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> Any:
        with anyio.move_on_after(0.01):
            return await next(turn)
        return await next(turn)


async def test_a_turn_run_again_after_its_calls_were_cut_off_has_a_valid_history(valid: Check) -> None:
    async with running([SLEEP, "second try"], tools=[sleepy], plugins=[TriesAgain]) as agent:
        result = await agent.run("go")
        assert (result.ok, result.text) == (True, "second try")
        valid(agent.history)


class AnswersAfterFailure:
    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> Any:
        try:
            return await next(turn)
        except ModelError:
            return TurnResult(text="sorry")


async def test_a_failure_a_hook_turns_into_an_answer_is_one(valid: Check) -> None:
    async with running([ModelError("down"), "back"], plugins=[AnswersAfterFailure]) as agent:
        result = await agent.run("go")
        assert (result.ok, result.text, result.error) == (True, "sorry", None)
        valid(agent.history)
        assert (await agent.run("again")).text == "back"


class HoldsOn:
    """Swallows the cancellation of a tool."""

    @hookimpl
    async def kt_around_tool_call(self, agent: Agent, call: ToolCall, next: Next) -> Any:
        agent.interrupt()
        try:
            return await next(call)
        except asyncio.CancelledError:
            return ToolResult(call.id, [Text("I go on")], name=call.name)


async def test_a_hook_that_swallows_an_interrupt_does_not_keep_the_turn(valid: Check) -> None:
    async with running([SLEEP, "never", "next"], tools=[sleepy], plugins=[HoldsOn]) as agent:
        result = await agent.run("go")
        assert result.status == "cancelled"
        valid(agent.history)


class Interrupts:
    """Interrupts the turn from inside it, after its last reply."""

    @hookimpl
    async def kt_around_turn(self, agent: Agent, turn: Any, next: Next) -> Any:
        result = await next(turn)
        agent.interrupt()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return result


async def test_an_interrupt_after_the_last_reply_is_a_cancelled_turn_and_no_cancelled_caller() -> None:
    async with running(["done", "next"], plugins=[Interrupts]) as agent:
        task = asyncio.ensure_future(agent.run("go"))
        result = await task
        assert result.status == "cancelled"
        assert not task.cancelled()
        assert task.cancelling() == 0


class Runs:
    """Starts another turn of the same agent from inside a turn: it can't wait for itself."""

    @hookimpl
    async def kt_around_turn(self, agent: Agent, turn: Any, next: Next) -> Any:
        result = await next(turn)
        agent.send("and then?")
        return result


async def test_input_a_hook_sends_gets_a_turn_after_this_one() -> None:
    class Once(Runs):
        sent = False

        @hookimpl
        async def kt_around_turn(self, agent: Agent, turn: Any, next: Next) -> Any:
            if self.sent:
                served.set()
                return await next(turn)
            self.sent = True
            return await super().kt_around_turn(agent, turn, next)

    served = asyncio.Event()
    async with running(["one", "two"], plugins=[Once]) as agent:
        assert (await agent.run("go")).text == "one"
        await served.wait()
        async with agent.lock:
            assert [m.text for m in agent.history] == ["go", "one", "and then?", "two"]
