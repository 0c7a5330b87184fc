"""What has changed is shown, at the step where it does."""

from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, Message, Request, Text, ToolCall, ToolResult, Turn, TurnResult, Vetoed, hookimpl
from kt.errors import ConfigError, NotFound, UnknownName, UsageError
from kt.testing import ScriptedLLM
from kt_replay import Difference, replay
from kt_sessions.errors import SessionDamaged

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session(recording: Any) -> Path:
    """Return a session of two turns: look (twice), note; then look once more."""
    steps = [
        [("look", {"where": "the barn"}), ("look", {"where": "the tree"})],
        [("note", {"text": "owls"})],
        "There are owls.",
        [("look", {"where": "the barn"})],
        "Still there.",
    ]
    async with recording(steps) as agent:
        await agent.run("Look around.")
        await agent.run("Again.")
    path: Path = recording.path
    return path


def where(differences: list[Difference]) -> list[tuple[int, int, str]]:
    return [(d.turn, d.step, d.what) for d in differences]


class Section:
    """Add a section to the system prompt."""

    @hookimpl
    def kt_prompt(self, agent: Agent) -> str:
        return "Whisper."


async def test_a_plugin_that_adds_to_the_system_prompt(session: Path) -> None:
    report = await replay(session, plugins=[Section()])
    assert report.differences == [Difference(1, 1, "system prompt", "Find owls.", "Find owls.\n\nWhisper.")]
    assert not report.same


async def test_a_plugin_that_changes_a_request(session: Path) -> None:
    class Reminder:
        @hookimpl
        async def kt_around_llm_call(self, agent: Agent, request: Request, next: Any) -> Message:
            if len(request.messages) == 3:
                request = changed(request, messages=[*request.messages, Message("user", [Text("Hurry!")])])
            reply: Message = await next(request)
            return reply

    report = await replay(session, plugins=[Reminder()])
    assert where(report.differences) == [(1, 2, "request")]
    assert report.differences[0].recorded is None
    assert "Hurry!" in (report.differences[0].now or "")


async def test_a_plugin_that_refuses_a_call(session: Path, guard: Any) -> None:
    report = await replay(session, plugins=[guard()])
    assert where(report.differences) == [
        (1, 1, "call call_2"),
        (1, 1, "refusal of call_2"),
        (1, 2, "conversation: message 3"),
    ]
    call, refusal, conversation = report.differences
    assert (conversation.now or "").endswith("error of call_2: denied: owls want to be left alone")
    assert (call.recorded, call.now) == ('look({"where": "the tree"})', None)
    assert (refusal.recorded, refusal.now) == (None, "owls want to be left alone")


async def test_a_guard_that_refuses_a_call(session: Path, guard: Any) -> None:
    assert (1, 1, "refusal of call_2") in where((await replay(session, guards=[guard()])).differences)


async def test_a_guard_that_was_recorded_and_is_not_wanted(recording: Any, guard: Any) -> None:
    async with recording([[("look", {"where": "the tree"})], "ok"], guards=[guard()], plugins=[Section()]) as agent:
        await agent.run("Look.")
    report = await replay(recording.path, plugins=["no:NoOwls"])
    assert where(report.differences) == [(1, 1, "call call_1"), (1, 1, "refusal of call_1")]


async def test_a_plugin_that_changes_arguments(session: Path) -> None:
    class Elsewhere:
        @hookimpl
        async def kt_around_tool_call(self, call: ToolCall, next: Any) -> ToolResult:
            if call.arguments == {"text": "owls"}:
                call = changed(call, arguments={"text": "bats"})
            result: ToolResult = await next(call)
            return result

    report = await replay(session, plugins=[Elsewhere()])
    assert report.differences == [Difference(1, 2, "call call_3", 'note({"text": "owls"})', 'note({"text": "bats"})')]


async def test_a_plugin_that_changes_results(session: Path) -> None:
    class Bats:
        @hookimpl
        async def kt_around_tool_call(self, call: ToolCall, next: Any) -> ToolResult:
            await next(call)
            return ToolResult(call.id, [Text("a bat")])

    report = await replay(session, plugins=[Bats()])
    assert where(report.differences) == [
        (1, 2, "conversation: message 3"),
        (1, 3, "conversation: message 5"),
        (2, 2, "conversation: message 9"),
    ], "each turn begins with the recorded conversation"


async def test_a_plugin_that_changes_a_reply(session: Path) -> None:
    class Polite:
        @hookimpl
        async def kt_around_llm_call(self, request: Request, next: Any) -> Message:
            reply: Message = await next(request)
            return changed(reply, parts=[*reply.parts, Text(" Thank you.")]) if reply.text else reply

    report = await replay(session, plugins=[Polite()])
    assert where(report.differences) == [
        (1, 3, "reply"),
        (1, 3, "conversation: message 6"),
        (1, 3, "result"),
        (2, 2, "reply"),
        (2, 2, "conversation: message 10"),
        (2, 2, "result"),
    ]


async def test_a_plugin_that_refuses_a_turn(session: Path) -> None:
    class Closed:
        @hookimpl
        async def kt_around_turn(self, turn: Turn, next: Any) -> TurnResult:
            if turn.id == 1:
                raise Vetoed("closed")
            result: TurnResult = await next(turn)
            return result

    report = await replay(session, plugins=[Closed()])
    assert where(report.differences) == [
        (1, 0, "model call"),
        (1, 0, "conversation: message 1 and 5 more"),
        (1, 0, "result"),
        (1, 0, "refusal of the turn"),
        (1, 0, "state 'notes'"),
    ]
    assert (report.differences[2].recorded, report.differences[2].now) == ("ok\nThere are owls.", "denied E-VETO")


async def test_a_plugin_that_asks_the_model_again(session: Path) -> None:
    class Doubt:
        asked = False

        @hookimpl
        async def kt_around_llm_call(self, agent: Agent, next: Any, request: Request) -> Message:
            reply: Message = await next(request)
            if reply.text and not self.asked:
                self.asked = True
                agent.send("Are you sure?", steer=True, source="doubt")
            return reply

    report = await replay(session, plugins=[Doubt()])
    assert where(report.differences)[:2] == [(1, 4, "model call"), (1, 4, "conversation: message 7")]
    assert {d.turn for d in report.differences} == {1}


async def test_a_plugin_that_keeps_a_state(session: Path) -> None:
    class Mark:
        @hookimpl
        async def kt_around_turn(self, agent: Agent, turn: Turn, next: Any) -> TurnResult:
            agent.state["mark"] = turn.id
            result: TurnResult = await next(turn)
            return result

    report = await replay(session, plugins=[Mark()])
    assert report.differences == [
        Difference(1, 3, "state 'mark'", None, "1"),
        Difference(2, 2, "state 'mark'", None, "2"),
    ]


async def test_other_tools(session: Path, tools: list[Any]) -> None:
    @kt.tool
    def listen() -> str:
        """Listen."""
        return "hoo"

    report = await replay(session, tools=[*tools, listen])
    assert where(report.differences) == [(1, 0, "tools")]
    assert (report.differences[0].now or "").endswith("listen")


async def test_arguments_that_do_not_fit_any_more(session: Path, tools: list[Any]) -> None:
    @kt.tool
    def note(text: int) -> str:
        """Keep a number."""
        return "noted"

    report = await replay(session, tools=[*(t for t in tools if t.name != "note"), note])
    assert where(report.differences)[:2] == [(1, 2, "call call_3"), (1, 3, "conversation: message 5")]


async def test_tools_that_read_run_for_real(session: Path, tools: list[Any], ran: list[str]) -> None:
    report = await replay(session, tools=tools, live_tools=["read"])
    assert report.same
    assert ran == ["look"] * 3

    @kt.tool(effect="read")
    def look(where: str) -> str:
        """Look."""
        return f"a bat at {where}"

    report = await replay(session, tools=[look, *tools[1:]], live_tools=["read"])
    assert report.differences[0] == Difference(
        1,
        1,
        "result of call_1",
        "tool:\nresult of call_1: an owl at the barn",
        "tool:\nresult of call_1: a bat at the barn",
    )
    assert where(report.differences) == [
        (1, 1, "result of call_1"),
        (1, 1, "result of call_2"),
        (2, 1, "result of call_4"),
    ]


async def test_what_the_record_has_not_is_an_error(session: Path, tools: list[Any]) -> None:
    with pytest.raises(NotFound, match="no agent 'fox'"):
        await replay(session, agent="fox")
    with pytest.raises(NotFound, match="there is no session"):
        await replay(session.with_name("none.ktlog"))
    with pytest.raises(UsageError, match="never run again"):
        await replay(session, live_tools=["once"])
    with pytest.raises(NotFound, match="no turn 0"):
        await replay(session, until=0)
    with pytest.raises(UnknownName, match="no plugin named 'nonsense'"):
        await replay(session, plugins=["nonsense"])
    with pytest.raises(ConfigError, match="two tools are named"):
        await replay(session, tools=[tools[0], tools[0]])


def damage(session: Path) -> None:
    data = session.read_bytes()
    assert b"There are owls." in data
    session.write_bytes(data.replace(b"There are owls.", b"There are bats."))


async def test_a_damaged_session_is_an_error(session: Path) -> None:
    damage(session)
    with pytest.raises(SessionDamaged):
        await replay(session)


async def test_a_working_folder_that_is_gone(recording: Any, tmp_path: Path, tools: list[Any]) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    path = tmp_path / "session.ktlog"
    llm = ScriptedLLM([[("look", {})], "ok"])
    async with await Agent.build({"name": "t"}, llm=llm, tools=tools, session=path, pwd=folder) as agent:
        await agent.run("Look.")
    folder.rmdir()
    assert (await replay(path)).same
    with pytest.raises(NotFound, match="working folder"):
        await replay(path, live_tools=["read"])


async def test_a_budget_pays_nothing_for_a_replay(recording: Any, tmp_path: Path) -> None:
    budget = {"budget": {"day": {"max_turns": 3}, "turn": {"max_calls": 1}}}
    async with recording([[("look", {}), ("look", {})], "ok"], plugins=[budget]) as agent:
        assert (await agent.run("Look.")).status == "limit"
        spent = (tmp_path / "home" / "budget.json").read_bytes()
    assert str(await replay(recording.path)) == "0 differences in 1 turn, 1 model call, 1 tool call"
    assert (tmp_path / "home" / "budget.json").read_bytes() == spent


async def test_compaction_takes_part_where_it_is_asked_to(recording: Any) -> None:
    summary = [Message("user", [Text("There were owls.")])]
    async with recording(["one", "two", "three"]) as agent:
        await agent.run("a")
        await agent.run("b")
        agent.edit_history(0, 2, summary, by="compaction")
        await agent.run("c")
    assert (await replay(recording.path)).same
    report = await replay(recording.path, plugins=["compaction"])
    assert where(report.differences)[0] == (3, 1, "conversation: message 1 and 4 more")
