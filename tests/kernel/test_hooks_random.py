"""Random stacks of plugins around random turns: the guard decides, the history is valid, the agent goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from kt import Message, Request, Text, ToolCall, ToolResult, TurnResult, Vetoed, hookimpl, tool
from kt.errors import ModelError
from kt.testing import ScriptedLLM, running

Next = Callable[[Any], Awaitable[Any]]


async def act(what: str, x: Any, next: Next, *, changed: Any, answer: Any) -> Any:
    """Do to a step what a plugin may do."""
    match what:
        case "veto":
            raise Vetoed("no")
        case "raise":
            raise ValueError("my own bug")
        case "answer":
            return answer
        case "change":
            return await next(changed)
        case "after":
            await next(x)
            raise ValueError("too late")
        case "again":
            await next(x)
            return await next(x)
        case "time out":
            async with asyncio.timeout(0.001):
                return await next(x)
        case "swallow":
            try:
                return await next(x)
            except Exception:
                return answer
    return await next(x)


class Acts:
    def __init__(self, tier: str, turn: str, llm: str, call: str) -> None:
        self.tier, self.turn, self.llm, self.call = tier, turn, llm, call

    @hookimpl
    async def kt_around_turn(self, turn: Any, next: Next) -> Any:
        return await act(self.turn, turn, next, changed=turn, answer=TurnResult(text="mine"))

    @hookimpl
    async def kt_around_llm_call(self, request: Request, next: Next) -> Any:
        changed = replace(request, system="changed")
        return await act(self.llm, request, next, changed=changed, answer=Message("assistant", [Text("mine")]))

    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> Any:
        changed = replace(call, arguments={"n": 99})
        return await act(self.call, call, next, changed=changed, answer=ToolResult(call.id, [Text("mine")]))


class Guard:
    """Lets even numbers through."""

    @hookimpl
    async def kt_around_tool_call(self, call: ToolCall, next: Next) -> Any:
        if (call.arguments or {})["n"] % 2:
            raise Vetoed("odd")
        return await next(call)


acts = st.sampled_from(["pass", "veto", "raise", "answer", "change", "after", "again", "time out", "swallow"])
plugins = st.lists(st.builds(Acts, st.sampled_from(["outer", "normal"]), acts, acts, acts), max_size=3)
names = st.sampled_from(["look", "act", "hang", "fail"])
calls = st.lists(st.tuples(names, st.fixed_dictionaries({"n": st.integers(0, 3)})), min_size=1, max_size=3)
steps = st.lists(st.just("text") | st.builds(ModelError, st.just("down")) | calls, min_size=1, max_size=3)


@settings(max_examples=120, deadline=None)
@given(plugins=plugins, steps=steps)
@example(plugins=[Acts("outer", "swallow", "pass", "raise")], steps=[[("look", {"n": 0})]])
def test_random_plugins_never_pass_the_guard_nor_break_the_agent(
    valid: Callable[[Sequence[Message]], None], plugins: list[Acts], steps: list[Any]
) -> None:
    reached: list[int] = []

    def made(name: str, effect: Any) -> Any:
        async def function(n: int) -> str:
            reached.append(n)
            if name == "fail":
                raise OSError("broken")
            if name == "hang":
                await asyncio.sleep(0.005)
            return str(n)

        return tool(name=name, effect=effect)(function)

    tools = [made("look", "read"), made("act", "once"), made("hang", "idempotent"), made("fail", "idempotent")]

    async def main() -> None:
        async with running(ScriptedLLM([*steps, *["end"] * 9]), tools=tools, plugins=plugins, guards=[Guard]) as agent:
            for _ in range(2):
                result = await agent.run("go", timeout=5)
                assert result.status != "timeout"
                assert (result.error is None) == result.ok
                assert agent.turn is None
                valid(agent.history)
        assert [n for n in reached if n % 2] == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
