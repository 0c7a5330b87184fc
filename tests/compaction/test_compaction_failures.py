"""A summary that fails leaves the history as it was, byte for byte, and is tried again only once there is more."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from kt import Message, Refusal, Text, encode, hookimpl
from kt.errors import ModelError
from kt.testing import EventRecorder
from kt_compaction.events import CompactionEnded, CompactionFailed, CompactionStarted
from kt_compaction.marks import is_summary

pytestmark = pytest.mark.anyio


async def forever(request: Any) -> str:
    await asyncio.Event().wait()
    return ""


async def cancels(request: Any) -> str:
    raise asyncio.CancelledError


FAILURES = {
    "empty": ("  \n", "the summary is empty"),
    "cut": (Message("assistant", [Text("half a sum")], finish="length"), "was cut at the model's own token limit"),
    "refused": (Message("assistant", [Text("no")], finish="refusal"), "refused to summarise"),
    "refusal": (Message("assistant", [Text("no"), Refusal("no")], finish="stop"), "refused to summarise"),
    "error": (ModelError("the service is down"), "the service is down"),
    "bug": (ValueError("odd"), "ValueError: odd"),
    "longer": ("a word " * 3000, "no shorter than what it replaces"),
    "late": (forever, "it took longer than 0.01 seconds"),
    "cancelled": (cancels, "it was cancelled"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failed_summary_leaves_the_history_byte_identical(
    name: str, talk: Any, compacting: Any, filled: Any
) -> None:
    notes, why = FAILURES[name]
    async with compacting(talk(notes=notes), timeout=0.01 if name == "late" else 300) as agent:
        events = EventRecorder(agent)
        filled(agent)
        messages, before = list(agent.history), json.dumps(encode(agent.history))
        with pytest.raises(ModelError, match=why):
            await agent.plugin("compaction").compact()
        assert json.dumps(encode(agent.history)) == before
        assert all(a is b for a, b in zip(agent.history, messages, strict=True))
        assert [why in e.reason for e in events.of(CompactionFailed)] == [True]
        assert not events.of(CompactionEnded)
        assert "history_edited" not in events.kinds
        assert (await agent.run("go on")).ok


async def test_it_is_tried_again_when_the_context_grew_by_a_tenth(talk: Any, compacting: Any) -> None:
    llm = talk(say="an answer of some length " * 4, notes=ModelError("not now"))
    async with compacting(llm, context_tokens=20_000) as agent:
        events = EventRecorder(agent)
        while len(events.of(CompactionStarted)) < 4:
            (await agent.run("go on")).unwrap()
            await asyncio.sleep(0)
        tokens = [e.tokens for e in events.of(CompactionStarted)]
        assert tokens[0] >= 14_000
        assert all(b >= 1.1 * a for a, b in pairwise(tokens))
        llm.notes = "now it can be done"
        while not events.of(CompactionEnded):
            (await agent.run("go on")).unwrap()
            await asyncio.sleep(0)
        assert is_summary(agent.history[0])


async def test_a_call_of_a_tool_instead_of_a_summary_is_none_and_a_transcript_is_read(
    talk: Any, compacting: Any, filled: Any
) -> None:
    def notes(request: Any) -> Any:
        return [("page", {})] if request.tools else "notes from a transcript"

    def page() -> str:
        """Read a page."""
        raise AssertionError("a summary runs no tool")

    llm = talk(notes=notes)
    async with compacting(llm, tools=[page]) as agent:
        events = EventRecorder(agent)
        filled(agent)
        await agent.plugin("compaction").compact()
        assert "notes from a transcript" in agent.history[0].text
        assert [bool(r.tools) for r in llm.summaries] == [True, False]
        assert "tool_started" not in events.kinds
        assert events.of(CompactionEnded)[0].usage.output == 20


class Broken:
    @hookimpl(optionalhook=True)
    def kt_pin(self) -> str:
        raise ValueError("no pins")


class Odd:
    @hookimpl(optionalhook=True)
    def kt_pin(self) -> Any:
        return 7


@pytest.mark.parametrize("plugin", [Broken, Odd])
async def test_a_pin_that_fails_fails_the_compaction(plugin: Any, talk: Any, compacting: Any, filled: Any) -> None:
    async with compacting(talk(), plugins=[plugin()]) as agent:
        filled(agent)
        before = encode(agent.history)
        with pytest.raises(ModelError, match=f"kt_pin of plugin {plugin.__name__}"):
            await agent.plugin("compaction").compact()
        assert encode(agent.history) == before


async def test_a_stream_without_its_end_mark_is_no_summary(talk: Any, compacting: Any, filled: Any) -> None:
    class Cut:
        model = "cut"

        async def stream(self, request: Any) -> Any:
            yield "half a summ"

    async with compacting(Cut()) as agent:
        filled(agent)
        with pytest.raises(ModelError, match="without its end mark"):
            await agent.plugin("compaction").compact()
