"""A context that is full: the next request waits for the summary, and one that was refused is made again, once."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from kt import Message, Text, ToolCall, ToolResult, encode, hookimpl
from kt.errors import ContextTooLong, ModelError
from kt.testing import EventRecorder
from kt_compaction.clear import clear_results
from kt_compaction.events import CompactionEnded, CompactionFailed, CompactionStarted
from kt_compaction.marks import PINNED, is_summary, mark

pytestmark = pytest.mark.anyio

PAGE = "a page of text " * 20


def page() -> str:
    """Read a page."""
    return PAGE


def rounds(count: int) -> Any:
    """Return what calls the tool so often, and then answers."""
    steps = iter([*[[("page", {})]] * count, "all read"])
    return lambda request: next(steps)


async def test_three_thousand_rounds_in_one_turn_stay_below_the_context(
    talk: Any, compacting: Any, is_valid: Any
) -> None:
    llm = talk(say=rounds(3000), context=20_000)
    async with compacting(llm, context_tokens=20_000, tools=[page]) as agent:
        events = EventRecorder(agent)
        result = (await agent.run("read all 3,000 pages and count the owls")).unwrap()
        assert (result.text, len(result.tool_calls), llm.refused) == ("all read", 3000, 0)
        ended = events.of(CompactionEnded)
        assert len(ended) > 10
        assert all(e.after <= 6000 and not e.note for e in ended)
        assert not events.of(CompactionFailed)
        for request in llm.requests[::97]:
            assert is_valid(request.messages)
            assert [m.text for m in request.messages if m.role == "user" and not is_summary(m)] == [
                "read all 3,000 pages and count the owls"
            ]


async def test_three_thousand_rounds_of_before_shrink_at_once(talk: Any, compacting: Any, is_valid: Any) -> None:
    """A conversation that another process has left is far too long for the model; nothing is known of its usage."""
    llm = talk(context=8000)
    async with compacting(llm, context_tokens=8000, tools=[page]) as agent:
        agent.add(Message("user", [Text("read all pages")]))
        for number in range(3000):
            agent.add(Message("assistant", [ToolCall(f"old{number}", "page", "{}")]))
            agent.add(Message("tool", [ToolResult(f"old{number}", [Text(PAGE)], name="page")]))
        events = EventRecorder(agent)
        (await agent.run("and now?")).unwrap()
        assert is_valid(agent.history)
        assert [e.reason for e in events.of(CompactionStarted)] == ["full"]
        assert events.of(CompactionEnded)[0].after <= 2400
        assert [m.text for m in agent.history[1:] if m.role == "user"] == ["read all pages", "and now?"]
        # Longer than the context, so it was read as a transcript, in pieces, each with the notes so far.
        assert len(llm.summaries) > 10
        assert all("<conversation>" in r.messages[0].text and not r.tools for r in llm.summaries)
        assert "<notes>" in llm.summaries[1].messages[0].text


async def test_a_full_context_waits_for_the_summary_that_is_on_its_way(talk: Any, compacting: Any, filled: Any) -> None:
    gate, asked = asyncio.Event(), asyncio.Event()

    async def notes(request: Any) -> str:
        asked.set()
        await gate.wait()
        return "notes"

    llm = talk(notes=notes)
    async with compacting(llm, context_tokens=2000) as agent:
        filled(agent)
        turn = asyncio.create_task(agent.run("x"))
        await asked.wait()
        assert not llm.requests
        gate.set()
        (await turn).unwrap()
        assert is_summary(llm.requests[0].messages[0])
        assert llm.requests[0].messages[-1].text == "x"


async def test_a_refused_request_is_made_again_with_the_summary(talk: Any, compacting: Any, filled: Any) -> None:
    llm = talk(context=2500)
    async with compacting(llm) as agent:  # its context is taken for 128,000 tokens
        events = EventRecorder(agent)
        filled(agent)
        (await agent.run("x")).unwrap()
        assert [e.reason for e in events.of(CompactionStarted)] == ["refused"]
        assert events.of(CompactionEnded)[0].after < 1000
        assert [is_summary(r.messages[0]) for r in llm.requests] == [False, True]
        # From now on the context is known to be that small.
        while len(events.of(CompactionStarted)) == 1:
            (await agent.run("go on " * 30)).unwrap()
        assert events.of(CompactionStarted)[1].reason == "usage"
        assert llm.refused <= 2


async def test_the_call_is_made_again_once_and_no_more(talk: Any, compacting: Any, filled: Any) -> None:
    llm = talk(say=ContextTooLong("always too long"))
    async with compacting(llm) as agent:
        filled(agent)
        result = await agent.run("x")
        assert isinstance(result.error, ContextTooLong)
        assert len(llm.requests) == 2


async def test_a_summary_that_was_begun_too_early_is_followed_by_another(
    talk: Any, compacting: Any, filled: Any
) -> None:
    gate = asyncio.Event()

    async def notes(request: Any) -> str:
        await gate.wait()
        return "notes"

    llm = talk(notes=notes, context=2500)
    async with compacting(llm) as agent:
        events = EventRecorder(agent)
        filled(agent, 4)
        early = asyncio.create_task(agent.plugin("compaction").compact())
        await asyncio.sleep(0)
        filled(agent, 60)
        asyncio.get_running_loop().call_soon(gate.set)
        (await agent.run("x")).unwrap()
        await early
        assert [e.reason for e in events.of(CompactionStarted)] == ["asked", "refused"]
        assert len(events.of(CompactionEnded)) == 2


async def test_an_input_that_takes_too_much_room_is_left_to_the_summary(talk: Any, compacting: Any) -> None:
    def say(request: Any) -> Any:
        return "all read" if len(llm.requests) > 40 else [("page", {})]

    llm = talk(say=say)
    async with compacting(llm, context_tokens=6000, tools=[page]) as agent:
        events = EventRecorder(agent)
        (await agent.run("read this: " + "word " * 600)).unwrap()
        assert events.of(CompactionEnded)
        assert all(e.after <= 1800 for e in events.of(CompactionEnded))
        assert all(len(m.text) < 3000 for m in agent.history)
        assert "read this" in llm.summaries[0].messages[0].text


def test_clearing_leaves_alone_what_is_short_or_pinned_and_what_no_tool_said() -> None:
    result = ToolResult("a", [Text("long " * 100, origin="web"), Text("and more", origin="file")])
    short = Message("tool", [ToolResult("b", [Text("short")])], encoded={"wire": b"short"})
    both = Message("tool", [replace(result), ToolResult("c", [Text("short")])], encoded={"wire": b"both"})
    rest = [short, Message("tool", [result], x=mark(PINNED)), Message("user", [Text("long " * 100)])]
    [cleared, *others] = clear_results([both, *rest], 100)
    assert all(a is b for a, b in zip(others, rest, strict=True))
    assert cleared.encoded is None  # the wire must not send what it remembers of the message
    assert cleared.parts[1] is both.parts[1]
    assert {p.origin for p in cleared.parts[0].parts} == {"web", "file"}  # type: ignore[union-attr]
    assert both.parts[0] == result


async def test_old_results_are_cleared_where_no_summary_can_be_had(talk: Any, compacting: Any, is_valid: Any) -> None:
    llm = talk(say=rounds(25), notes=ModelError("no summaries today"), context=3000)
    async with compacting(llm, tools=[page], result_chars=100) as agent:
        events = EventRecorder(agent)
        result = (await agent.run("read")).unwrap()
        assert (result.text, len(result.tool_calls)) == ("all read", 25)
        assert is_valid(agent.history)
        assert "no summaries today" in events.of(CompactionFailed)[0].reason
        cleared = events.of(CompactionEnded)
        assert {e.how for e in cleared} == {"cleared"}
        assert all(e.after < e.before for e in cleared)
        results = [p.text for m in agent.history if m.role == "tool" for p in m.parts]
        assert results[0] == f"[an old result of {len(PAGE)} characters was cleared]"
        assert results[-1] == PAGE


async def test_where_results_are_not_to_be_cleared_the_refusal_stands(talk: Any, compacting: Any) -> None:
    llm = talk(say=rounds(40), notes=ModelError("no"), context=3000)
    async with compacting(llm, tools=[page], result_chars=100, clear_results=False) as agent:
        result = await agent.run("read")
        assert isinstance(result.error, ContextTooLong)
        assert PAGE in result.tool_calls[0].result
        assert all(p.text == PAGE for m in agent.history if m.role == "tool" for p in m.parts)


async def test_one_step_that_is_too_long_by_itself_is_said_to_be(talk: Any, compacting: Any) -> None:
    async with compacting(talk(context=1000)) as agent:
        events = EventRecorder(agent)
        result = await agent.run("word " * 5000)
        assert isinstance(result.error, ContextTooLong)
        [failed] = events.of(CompactionFailed)
        assert failed.reason.startswith("all of about 6,254 tokens has to stay")
        assert not events.of(CompactionStarted)


async def test_a_target_that_can_not_be_reached_is_noted(talk: Any, compacting: Any, filled: Any) -> None:
    async with compacting(talk(), context_tokens=4000) as agent:
        events = EventRecorder(agent)
        filled(agent, 3)
        agent.add(Message("user", [Text("word " * 2000)]))
        await agent.plugin("compaction").compact()
        assert events.of(CompactionEnded)[0].note == "what has to stay is longer than the target"


async def test_messages_that_a_plugin_further_out_added_stay_in_the_request(
    talk: Any, compacting: Any, filled: Any
) -> None:
    class Remark:
        tier = "outer"

        @hookimpl(tryfirst=True)
        async def kt_around_llm_call(self, request: Any, next: Any) -> Any:
            remark = Message("user", [Text("a remark")])
            return await next(replace(request, messages=[*request.messages, remark]))

    llm = talk(context=2500)
    async with compacting(llm, plugins=[Remark()]) as agent:
        filled(agent)
        before = encode(agent.history)
        (await agent.run("x")).unwrap()
        sent = llm.requests[1].messages
        assert is_summary(sent[0])
        assert [m.text for m in sent[-2:]] == ["x", "a remark"]
        assert encode(sent[1:-2]) == before[-len(sent[1:-2]) :]
        assert all(m.text != "a remark" for m in agent.history)
