"""Replayed as it was recorded, nothing differs: whatever the session was."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, Limits, Message, Text
from kt.errors import ModelError, ProviderDown
from kt.events import QuestionAsked, TextDelta, ToolStarted
from kt_replay import ReplayReport, replay
from kt_sessions.rewind import rewind_agent

pytestmark = pytest.mark.anyio


async def same(recording: Any, ran: list[str], tools: list[Any]) -> ReplayReport:
    """Replay a session with and without its tools; return the report. Nothing runs, nothing is written."""
    before = digests(recording.path.parent)
    report = await replay(recording.path)
    assert str(report).splitlines()[:-1] == []
    assert report.same
    given = await replay(recording.path, tools=tools)
    assert str(given) == str(report)
    assert ran == []
    assert digests(recording.path.parent) == before
    return report


def digests(folder: Path) -> dict[str, str]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


async def test_a_run_with_many_tools(recording: Any, ran: list[str], tools: list[Any]) -> None:
    steps = [
        [("look", {"where": "the tree"}), ("look", {"where": "the barn"}), ("fail", {})],
        [("note", {"text": "one"}), ("alone", {"n": 1}), ("note", {"text": "two"}), ("alone", {"n": 2})],
        [("look", {"where": 7}), ("nothing", {})],
        [("look", "no json"), ("look", {})],
        "There are owls.",
        [("look", {})],
        "Still there.",
    ]
    async with recording(steps) as agent:
        assert (await agent.run("Look around.")).ok
        assert (await agent.run("Again.")).ok
    report = await same(recording, ran, tools)
    assert (report.turns, report.model_calls, report.tool_calls) == (2, 7, 9)
    assert str(report) == "0 differences in 2 turns, 7 model calls, 9 tool calls"


async def test_a_call_that_a_guard_refused(recording: Any, ran: list[str], tools: list[Any], guard: Any) -> None:
    steps = [[("look", {"where": "the tree"}), ("look", {"where": "the barn"})], "A barn."]
    async with recording(steps, guards=[guard()]) as agent:
        result = await agent.run("Look.")
    assert result.tool_calls[0].error == "denied: owls want to be left alone"
    report = await same(recording, ran, tools)
    assert report.left_out == ["NoOwls"]
    again = await replay(recording.path, guards=[guard()])
    assert again.same
    assert again.left_out == []


async def test_what_a_plugin_answered_that_is_not_here(recording: Any, ran: list[str], tools: list[Any]) -> None:
    class Known:
        @kt.hookimpl
        async def kt_around_tool_call(self, call: kt.ToolCall, next: Any) -> kt.ToolResult:
            return kt.ToolResult(call.id, [Text("known already")])

    async with recording([[("look", {})], "ok"], plugins=[Known()]) as agent:
        await agent.run("Look.")
    assert (await same(recording, ran, tools)).tool_calls == 0


async def test_jobs_that_join_their_turn(recording: Any, ran: list[str], tools: list[Any]) -> None:
    steps = [
        [("count", {"to": 3, "run_in_background": True}), ("look", {})],
        "It counts.",
        [("count", {"to": 4})],
        "Both are done.",
    ]
    async with recording(steps) as agent:
        result = await agent.run("Count.")
    assert result.text == "Both are done."
    assert (await same(recording, ran, tools)).tool_calls == 3


async def test_a_job_that_brings_a_turn_of_its_own(recording: Any, ran: list[str], tools: list[Any]) -> None:
    steps = [[("count", {"to": 3, "run_in_background": True})], "It counts.", "It is done."]
    async with recording(steps) as agent:
        ended = asyncio.Event()
        agent.bus.on(kt.events.TurnEnded, lambda event: event.turn == 2 and ended.set())
        agent.send("Count.")
        await ended.wait()
    report = await same(recording, ran, tools)
    assert report.turns == 2


async def test_a_call_that_was_put_into_the_background(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("count", {"to": 3})], "It counts.", "Done."]) as agent:
        agent.bus.on(ToolStarted, lambda event: agent.plugin("jobs").promote(event.call.id))
        await agent.run("Count.")
    await same(recording, ran, tools)


async def test_steering(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("look", {})], [("look", {"where": "up"})], "Done."]) as agent:
        agent.bus.on(ToolStarted, lambda event: agent.send("Look up!", steer=True))
        result = await agent.run("Look.")
    assert result.turns >= 3
    await same(recording, ran, tools)


async def test_a_question_that_a_tool_asked(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("name", {}), ("name", {})], "Ada."]) as agent:
        agent.bus.on(QuestionAsked, lambda event: answer(agent, event))
        with agent.questions.attached():
            await agent.run("Who is it?")
    await same(recording, ran, tools)


def answer(agent: Agent, event: QuestionAsked) -> None:
    agent.questions.answer(event.id, "Ada")


async def test_a_turn_that_waited_for_an_answer(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("look", {}), ("name", {})], "Ada.", "Bye."]) as agent:
        agent.questions.wait = True
        result = await agent.run("Who is it?")
        assert result.status == "waiting"
        assert (await agent.answer(result.pending[0].id, "Ada")).text == "Ada."
        await agent.run("Bye.")
    assert (await same(recording, ran, tools)).turns == 3


async def test_approvals(recording: Any, ran: list[str], tools: list[Any], tmp_path: Path) -> None:
    @kt.tool(needs=kt.ToolNeeds(exec=("any",)))
    def execute(command: str) -> str:
        """Execute a command."""
        return "executed"

    said = iter(["yes, always here", "no"])
    steps = [[("execute", {"command": "a"}), ("execute", {"command": "b"})], [("execute", {"command": "a"})], "Done."]
    own = [*tools, execute]
    async with recording(steps, tools=own, guards=["permissions"], plugins=[{"permissions": {"mode": "ask"}}]) as agent:
        agent.bus.on(QuestionAsked, lambda event: agent.questions.answer(event.id, next(said)))
        with agent.questions.attached():
            result = await agent.run("Do it.")
    assert [c.error is None for c in result.tool_calls] == [True, False, True]
    approvals = tmp_path / "home" / "approvals.jsonl"
    approvals.unlink()
    report = await replay(recording.path, tools=own)
    assert str(report) == "0 differences in 1 turn, 3 model calls, 2 tool calls"
    assert not approvals.exists(), "a replay approves nothing for always"


@pytest.mark.parametrize("by", ["compaction", "me", ""])
async def test_an_edited_conversation(recording: Any, ran: list[str], tools: list[Any], by: str) -> None:
    summary = [Message("user", [Text("There were owls.")])]
    steps = [[("look", {})], "An owl.", [("look", {})], "Another.", "Bye."]
    async with recording(steps) as agent:
        await agent.run("Look.")
        agent.edit_history(0, 4, summary, by=by)
        agent.bus.on(
            kt.events.LLMStarted, lambda event: event.message == 4 and agent.edit_history(0, 1, summary, by=by)
        )
        await agent.run("Look again.")
        await agent.run("Bye.")
    assert (await same(recording, ran, tools)).turns == 3


async def test_a_turn_that_reached_its_limit(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("look", {})], [("look", {})], "Done."]) as agent:
        assert (await agent.run("Look.", limits=Limits(max_turns=1))).status == "limit"
        assert (await agent.run("Go on.")).ok
    assert (await same(recording, ran, tools)).model_calls == 3


async def test_a_turn_that_was_cancelled_while_tools_ran(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("look", {}), ("forever", {}), ("forever", {})], "Sorry."]) as agent:
        started: list[str] = []
        agent.bus.on(ToolStarted, lambda event: started.append(event.call.name))
        agent.bus.on(ToolStarted, lambda event: len(started) == 3 and agent.interrupt())
        assert (await agent.run("Look.")).status == "cancelled"
        await agent.run("What was that?")
    await same(recording, ran, tools)


async def test_a_turn_whose_answer_was_cut_off(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording(["one two three", "Sorry."]) as agent:
        agent.provider.delay = 0.01
        agent.bus.on(TextDelta, lambda event: event.text == "two " and agent.interrupt())
        assert (await agent.run("Count.")).status == "cancelled"
        await agent.run("What was that?")
    await same(recording, ran, tools)


@pytest.mark.parametrize("error", [ModelError("it is tired"), ProviderDown("nobody is there", hint="wait")])
async def test_a_model_that_failed(recording: Any, ran: list[str], tools: list[Any], error: Exception) -> None:
    async with recording([[("look", {})], error, "Hello."]) as agent:
        assert (await agent.run("Look.")).status == "failed"
        assert (await agent.run("Go on.")).ok
    await same(recording, ran, tools)


async def test_three_invalid_calls_in_a_row(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("look", {"where": 1})]] * 3) as agent:
        assert (await agent.run("Look.")).error.code == "E-ARGS"
    await same(recording, ran, tools)


async def test_calls_that_start_while_the_reply_streams(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("look", {"where": "a"}), ("look", {"where": "b"})], "Two."], plugins=["early"]) as agent:
        await agent.run("Look.")
    assert (await same(recording, ran, tools)).tool_calls == 2


async def test_a_session_of_several_processes(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("note", {"text": "one"})], "Noted."]) as agent:
        await agent.run("Note one.")
    async with recording.again([[("note", {"text": "two"})], "Noted too."]) as agent:
        await agent.run("Note two.")
        assert agent.state["notes"] == ["one", "two"]
    report = await same(recording, ran, tools)
    assert (report.turns, report.tool_calls) == (2, 2)


async def test_a_session_that_was_rewound(recording: Any, ran: list[str], tools: list[Any]) -> None:
    steps = [[("note", {"text": "one"})], "Noted.", [("note", {"text": "bad"})], "Noted.", "Better."]
    async with recording(steps) as agent:
        await agent.run("Note one.")
        await agent.run("Note bad.")
        await rewind_agent(agent, 1)
        await agent.run("What is noted?")
    report = await same(recording, ran, tools)
    assert report.turns == 2


async def test_until_ends_at_a_turn(recording: Any) -> None:
    async with recording(["one", "two", "three"]) as agent:
        for text in "abc":
            await agent.run(text)
    assert (await replay(recording.path, until=2)).summary == "0 differences in 2 turns, 2 model calls, 0 tool calls"


async def test_calls_that_the_model_wrote_as_text(recording: Any, ran: list[str], tools: list[Any]) -> None:
    steps = ['{"tool": "look", "arguments": {"where": "the barn"}}', '{"answer": "An owl."}']
    async with recording(steps, plugins=["textcalls"]) as agent:
        assert (await agent.run("Look.")).text == "An owl."
    assert (await same(recording, ran, tools)).tool_calls == 1


async def test_an_answer_that_had_to_fit_a_type(recording: Any, ran: list[str], tools: list[Any]) -> None:
    async with recording([[("look", {})], "three", '{"value": 3}'], output_type=int) as agent:
        assert (await agent.run("How many?")).output == 3
    await same(recording, ran, tools)
    assert (await replay(recording.path, tools=tools, output_type=int)).same


async def test_a_call_that_a_plugin_tried_twice(recording: Any, ran: list[str], tools: list[Any]) -> None:
    class Twice:
        @kt.hookimpl
        async def kt_around_tool_call(self, call: kt.ToolCall, next: Any) -> kt.ToolResult:
            await next(call)
            result: kt.ToolResult = await next(call)
            return result

    async with recording([[("look", {})], "Done."], plugins=[Twice()]) as agent:
        await agent.run("Look.")
    report = await replay(recording.path, tools=tools, plugins=[Twice()])
    assert str(report) == "0 differences in 1 turn, 2 model calls, 2 tool calls"


async def test_a_session_that_is_being_written(recording: Any) -> None:
    async with recording([[("look", {})], "An owl.", [("forever", {})]]) as agent:
        await agent.run("Look.")
        agent.bus.on(ToolStarted, lambda event: started.set())
        started, turn = asyncio.Event(), asyncio.create_task(agent.run("Wait."))
        await started.wait()
        await agent.durable()
        report = await replay(recording.path)
        assert str(report) == "0 differences in 2 turns, 3 model calls, 2 tool calls"
        agent.interrupt()
        await turn
