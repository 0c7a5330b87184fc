"""What plugins pin outlives every summary, and plugins may change or replace how a summary is made."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from kt import Agent, Message, Text, ToolCall, ToolResult, Usage, hookimpl
from kt.errors import ModelError, PluginError
from kt.testing import EventRecorder
from kt_compaction.events import CompactionEnded
from kt_compaction.hooks import Compaction
from kt_compaction.marks import PINNED, is_summary, mark

pytestmark = pytest.mark.anyio


class Todo:
    """Pin a list that grows."""

    name = "todo"

    def __init__(self) -> None:
        self.done = 0

    @hookimpl
    def kt_pin(self, agent: Agent) -> str | None:
        return f"- [x] step {self.done} of {agent.name}" if self.done else None


class Wrong:
    @hookimpl
    def kt_pin(self, history: object) -> str:
        return ""


class Around:
    """Wrap the making of a summary by a function."""

    def __init__(self, step: Callable[..., Awaitable[Any]]) -> None:
        self.step = step

    @hookimpl
    async def kt_around_compaction(self, agent: Agent, compaction: Compaction, next: Any) -> Any:
        return await self.step(compaction, next)


async def test_pins_stand_below_the_summary_word_for_word(talk: Any, compacting: Any, filled: Any) -> None:
    todo = Todo()
    async with compacting(talk(), plugins=[todo]) as agent:
        filled(agent)
        await agent.plugin("compaction").compact()
        assert "pinned" not in agent.history[0].text
        for todo.done in (1, 2):
            filled(agent)
            await agent.plugin("compaction").compact()
            [pin] = [p.text for p in agent.history[0].parts if "pinned" in p.text]
            assert pin == f"\n\n[pinned by todo, word for word]\n- [x] step {todo.done} of test"


async def test_two_hundred_turns_lose_nothing_that_is_pinned(talk: Any, compacting: Any, is_valid: Any) -> None:
    todo = Todo()
    fact = Message("user", [Text("the safe's number is 4711")], x=mark(PINNED))
    async with compacting(talk(say="a fine answer " * 10), context_tokens=2000, plugins=[todo]) as agent:
        events = EventRecorder(agent)
        for number in range(200):
            todo.done = number
            (await agent.run(fact if number == 3 else f"question {number}")).unwrap()
            assert is_valid(agent.history)
            assert number < 3 or sum(m is fact for m in agent.history) == 1
            if is_summary(agent.history[0]) and events.kinds[-1] == "compaction_ended":
                assert f"step {number} of test" in agent.history[0].text
        assert len(events.of(CompactionEnded)) > 5


async def test_a_pinned_result_keeps_its_call(talk: Any, compacting: Any, filled: Any, is_valid: Any) -> None:
    async with compacting(talk()) as agent:
        filled(agent, 2)
        calls = Message("assistant", [ToolCall("a", "look", "{}"), ToolCall("b", "look", "{}")])
        results = Message("tool", [ToolResult("a", [Text("an owl")]), ToolResult("b", [])], x=mark(PINNED))
        rules = Message("system", [Text("be brief")])
        for message in (calls, results, rules):
            agent.add(message)
        filled(agent)
        await agent.plugin("compaction").compact()
        assert [any(m is k for m in agent.history) for k in (calls, results, rules)] == [True] * 3
        assert agent.history[1:4] == [calls, results, rules]
        assert is_valid(agent.history)


async def test_a_pin_with_an_unknown_argument_is_refused(compacting: Any, talk: Any) -> None:
    with pytest.raises(PluginError, match="kt_pin"):
        async with compacting(talk(), plugins=[Wrong()]):
            pass


async def test_a_plugin_makes_the_summary_itself(talk: Any, compacting: Any, filled: Any) -> None:
    seen: list[Compaction] = []

    async def step(compaction: Compaction, next: Any) -> Message:
        seen.append(compaction)
        return Message("assistant", [Text("made by hand")], usage=Usage(7, 3, cost=0.5))

    llm = talk()
    async with compacting(llm, plugins=[Around(step)]) as agent:
        events = EventRecorder(agent)
        filled(agent)
        history = list(agent.history)
        await agent.plugin("compaction").compact("the owl")
        assert not llm.summaries
        assert agent.history[0].text.endswith("made by hand")
        assert events.of(CompactionEnded)[0].usage == Usage(7, 3, cost=0.5)
        assert (seen[0].focus, seen[0].reason) == ("the owl", "asked")
        assert list(seen[0].messages) == history[: len(seen[0].messages)]
        (await agent.run("x")).unwrap()


async def test_a_plugin_changes_what_is_asked_and_what_comes_of_it(talk: Any, compacting: Any, filled: Any) -> None:
    async def step(compaction: Compaction, next: Any) -> Message:
        prompt = compaction.prompt.replace("Use these headings", "Use German headings")
        reply: Message = await next(replace(compaction, messages=compaction.messages[-2:], prompt=prompt))
        return Message("assistant", [Text(reply.text.upper())])

    llm = talk()
    async with compacting(llm, plugins=[Around(step)]) as agent:
        events = EventRecorder(agent)
        filled(agent)
        await agent.plugin("compaction").compact()
        [asked] = llm.summaries
        assert len(asked.messages) == 3
        assert "Use German headings" in asked.messages[-1].text
        assert "THE NOTES SO FAR" in agent.history[0].text
        assert events.of(CompactionEnded)[0].usage.output == 10


@pytest.mark.parametrize("made", [ValueError("no idea"), Message("assistant", []), None])
async def test_a_plugin_that_fails_leaves_the_history_alone(made: Any, talk: Any, compacting: Any, filled: Any) -> None:
    async def step(compaction: Compaction, next: Any) -> Any:
        if isinstance(made, Exception):
            raise made
        return made

    async with compacting(talk(), plugins=[Around(step)]) as agent:
        filled(agent)
        before = list(agent.history)
        with pytest.raises(ModelError, match=r"no idea|is empty|returned NoneType"):
            await agent.plugin("compaction").compact()
        assert agent.history == before
