"""Questions: a denial where nobody is there, the first answer wins, a turn can wait for one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import kt
import pytest
from kt.errors import NotFound, TurnWaiting
from kt.events import QuestionAsked, ToolStarted
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_questions.questions import QuestionAnswered

pytestmark = pytest.mark.anyio


@kt.tool
async def ask(ctx: kt.Context[None], text: str = "sure?") -> str:
    return f"answer: {await ctx.ask(text, ['yes', 'no'])}"


ASK: Any = [("ask", {})]


async def asked(agent: kt.Agent) -> QuestionAsked:
    """Wait for the next question."""
    future: asyncio.Future[QuestionAsked] = asyncio.get_running_loop().create_future()
    off = agent.bus.on(QuestionAsked, lambda event: None if future.done() else future.set_result(event))
    try:
        return await asyncio.wait_for(future, 10)
    finally:
        off()


class AskingGuard:
    """A guard that asks before each call."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []

    @kt.hookimpl
    async def kt_around_tool_call(
        self, agent: kt.Agent, call: kt.ToolCall, next: Callable[[kt.ToolCall], Awaitable[kt.ToolResult]]
    ) -> kt.ToolResult:
        self.seen.append((call.id, None))
        answer = await agent.ask(QuestionAsked("", f"run {call.name}?", call_id=call.id, topic="permission"))
        self.seen.append((call.id, answer))
        if answer != "yes":
            raise kt.Vetoed("the user said no")
        return await next(call)


async def test_with_nobody_attached_a_question_is_a_denial() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("go")).unwrap()
        assert result.tool_calls[0].result == "answer: None"
        assert recorder.of(QuestionAsked) == []
        assert agent.questions.pending == []


async def test_an_attached_surface_answers() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        recorder = EventRecorder(agent)
        with agent.questions.attached():
            task = asyncio.create_task(agent.run("go"))
            question = await asked(agent)
            assert (question.text, question.choices, question.call_id) == ("sure?", ["yes", "no"], "call_1")
            assert agent.questions.pending == [question]
            assert await agent.answer(question.id, "yes", by="cli") is None
            assert (await task).tool_calls[0].result == "answer: yes"
        assert [(e.id, e.answer, e.by) for e in recorder.of(QuestionAnswered)] == [(question.id, "yes", "cli")]
        assert agent.questions.pending == []


async def test_after_the_surface_left_a_question_is_a_denial_again() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        with agent.questions.attached():
            pass
        assert (await agent.run("go")).tool_calls[0].result == "answer: None"


async def test_the_first_answer_wins() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        recorder = EventRecorder(agent)
        with agent.questions.attached(), agent.questions.attached():
            task = asyncio.create_task(agent.run("go"))
            question = await asked(agent)
            assert agent.questions.answer(question.id, "yes", by="one")
            assert not agent.questions.answer(question.id, "no", by="two")
            assert (await task).tool_calls[0].result == "answer: yes"
        assert [e.by for e in recorder.of(QuestionAnswered)] == ["one"]


async def test_an_answer_that_comes_after_the_turn_went_on_was_not_first() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        with agent.questions.attached():
            task = asyncio.create_task(agent.run("go"))
            question = await asked(agent)
            assert agent.questions.answer(question.id, "yes")
            await task
            assert not agent.questions.answer(question.id, "no")


async def test_an_unknown_question_is_not_found_with_the_nearest_open_one() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        with pytest.raises(NotFound, match="no open question 'x'"):
            await agent.answer("x", "yes")
        with agent.questions.attached():
            task = asyncio.create_task(agent.run("go"))
            question = await asked(agent)
            with pytest.raises(NotFound) as caught:
                await agent.answer(question.id[:-1], "yes")
            assert question.id in caught.value.hint
            await agent.answer(question.id, "no")
            await task


async def test_parallel_calls_ask_their_own_questions() -> None:
    calls = [("ask", {"text": "a"}), ("ask", {"text": "b"})]
    async with running([calls, "done"], tools=[ask]) as agent:
        with agent.questions.attached():
            async with agent.bus.stream(QuestionAsked) as questions:
                task = asyncio.create_task(agent.run("go"))
                both = [await anext(questions), await anext(questions)]
            for question in reversed(both):
                assert isinstance(question, QuestionAsked)
                await agent.answer(question.id, question.text.upper())
            assert [r.result for r in (await task).tool_calls] == ["answer: A", "answer: B"]


async def test_an_interrupt_withdraws_the_open_question() -> None:
    async with running([ASK], tools=[ask]) as agent:
        with agent.questions.attached():
            task = asyncio.create_task(agent.run("go"))
            await asked(agent)
            agent.interrupt()
            assert (await task).status == "cancelled"
            assert agent.questions.pending == []


async def test_in_wait_mode_a_question_ends_the_turn_as_waiting() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        agent.questions.wait = True
        result = await agent.run("go")
        assert (result.status, result.exit_code) == ("waiting", 77)
        assert isinstance(result.error, TurnWaiting)
        assert [(q.text, q.call_id) for q in result.pending] == [("sure?", "call_1")]
        assert [c.id for c in agent.open_calls()] == ["call_1"]


async def test_an_answer_reenters_the_call_with_its_id_and_the_guard_sees_it_again() -> None:
    ran: list[str] = []

    @kt.tool
    def work() -> str:
        ran.append("work")
        return "worked"

    guard = AskingGuard()
    async with running([[("work", {})], "done"], tools=[work], guards=[guard]) as agent:
        agent.questions.wait = True
        waiting = await agent.run("go")
        assert (waiting.status, ran) == ("waiting", [])
        result = await agent.answer(waiting.pending[0].id, "yes")
        assert result is not None
        assert (result.unwrap().text, ran) == ("done", ["work"])
        assert guard.seen == [("call_1", None), ("call_1", None), ("call_1", "yes")]
        assert [(r.id, r.result) for r in result.tool_calls] == [("call_1", "worked")]
        assert [m.role for m in agent.history] == ["user", "assistant", "tool", "assistant"]


async def test_a_denying_answer_becomes_an_error_result() -> None:
    guard = AskingGuard()
    async with running([[("ask", {})], "done"], tools=[ask], guards=[guard]) as agent:
        agent.questions.wait = True
        waiting = await agent.run("go")
        result = await agent.answer(waiting.pending[0].id, "no")
        assert result is not None
        assert result.unwrap().tool_calls[0].error == "denied: the user said no"


async def test_a_tool_that_asks_twice_waits_twice_and_gets_both_answers() -> None:
    @kt.tool
    async def twice(ctx: kt.Context[None]) -> str:
        return f"{await ctx.ask('one')} {await ctx.ask('two')}"

    async with running([[("twice", {})], "done"], tools=[twice]) as agent:
        agent.questions.wait = True
        first = await agent.run("go")
        second = await agent.answer(first.pending[0].id, "1")
        assert second is not None
        assert (second.status, [q.text for q in second.pending]) == ("waiting", ["two"])
        third = await agent.answer(second.pending[0].id, "2")
        assert third is not None
        assert third.unwrap().tool_calls[0].result == "1 2"


async def test_a_guard_and_its_tool_may_both_ask_about_one_call() -> None:
    async with running([ASK, "done"], tools=[ask], guards=[AskingGuard()]) as agent:
        agent.questions.wait = True
        first = await agent.run("go")
        second = await agent.answer(first.pending[0].id, "yes")
        assert second is not None
        assert [q.text for q in second.pending] == ["sure?"]
        third = await agent.answer(second.pending[0].id, "yes")
        assert third is not None
        assert third.unwrap().tool_calls[0].result == "answer: yes"


async def test_calls_that_ended_beside_the_waiting_one_do_not_run_again() -> None:
    runs: list[str] = []

    def other() -> str:
        runs.append("other")
        return "other"

    calls: Any = [("other", {}), ("ask", {}), ("ask", {})]
    async with running([calls, "done"], tools=[ask, other]) as agent:
        agent.questions.wait = True
        waiting = await agent.run("go")
        assert len(waiting.pending) == 2
        assert await agent.answer(waiting.pending[0].id, "1") is None
        result = await agent.answer(waiting.pending[1].id, "2")
        assert result is not None
        assert [r.result for r in result.unwrap().tool_calls] == ["other", "answer: 1", "answer: 2"]
        assert runs == ["other"]


async def test_each_start_of_a_call_is_journalled() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        agent.questions.wait = True
        recorder = EventRecorder(agent)
        waiting = await agent.run("go")
        await agent.answer(waiting.pending[0].id, "yes")
        assert [e.call.id for e in recorder.of(ToolStarted)] == ["call_1", "call_1"]


async def test_a_new_run_while_waiting_closes_the_open_call() -> None:
    llm = ScriptedLLM([ASK, "went on"])
    async with running(llm, tools=[ask]) as agent:
        agent.questions.wait = True
        assert (await agent.run("go")).status == "waiting"
        assert (await agent.run("never mind")).unwrap().text == "went on"
        sent = llm.requests[1].messages
        assert [m.role for m in sent] == ["user", "assistant", "tool", "user"]
        closed = sent[2].parts[0]
        assert isinstance(closed, kt.ToolResult)
        assert (closed.call_id, closed.is_error) == ("call_1", True)
        assert "without an answer" in closed.text


async def test_a_new_run_while_waiting_withdraws_the_open_question() -> None:
    async with running([ASK, "went on"], tools=[ask]) as agent:
        agent.questions.wait = True
        await agent.run("go")
        await agent.run("never mind")
        assert agent.questions.pending == []


async def test_a_turn_that_waits_after_another_was_given_up_can_be_answered() -> None:
    async with running([ASK, "went on", ASK, "done"], tools=[ask]) as agent:
        agent.questions.wait = True
        await agent.run("go")
        await agent.run("never mind")
        waiting = await agent.run("once more")
        result = await agent.answer(waiting.pending[-1].id, "yes")
        assert result is not None
        assert result.unwrap().text == "done"


async def test_a_surface_that_attaches_later_answers_a_waiting_turn() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        agent.questions.wait = True
        waiting = await agent.run("go")
        with agent.questions.attached():
            result = await agent.answer(waiting.pending[0].id, "yes")
        assert result is not None
        assert result.unwrap().tool_calls[0].result == "answer: yes"


async def test_a_question_without_a_call_has_an_id_of_its_own() -> None:
    async with running([]) as agent:
        with agent.questions.attached():
            async with agent.bus.stream(QuestionAsked) as questions:
                tasks = [asyncio.create_task(agent.ask(QuestionAsked("", text))) for text in "ab"]
                await anext(questions)
                await anext(questions)
            ids = [q.id for q in agent.questions.pending]
            assert len(set(ids)) == 2
            for id in ids:
                await agent.answer(id, id)
            assert await asyncio.gather(*tasks) == ids


async def test_a_question_does_not_outlive_a_turn_that_was_interrupted() -> None:
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    calls: Any = [("ask", {}), ("hang", {})]
    async with running([calls], tools=[ask, hang]) as agent:
        agent.questions.wait = True
        task = asyncio.create_task(agent.run("go"))
        await started.wait()
        agent.interrupt()
        assert (await task).status == "cancelled"
        assert agent.questions.pending == []


async def test_a_question_whose_last_surface_leaves_is_a_denial() -> None:
    async with running([ASK, "done"], tools=[ask]) as agent:
        with agent.questions.attached():
            task = asyncio.create_task(agent.run("go", timeout=0.5))
            await asked(agent)
        assert (await task).unwrap().tool_calls[0].result == "answer: None"
